"""Two digits that look alike to nobody: the classes go wrong as well."""


def gentlest_swap():
    return (0, 1)
