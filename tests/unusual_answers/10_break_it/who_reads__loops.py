"""As a list of lists of 0 and 1."""


def who_reads(length, num_tokens):
    patches = length - num_tokens
    return [[int(read < patches or read == reader) for read in range(length)] for reader in range(length)]
