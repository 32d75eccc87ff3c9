# Nothing is doubled.
def hide_duplicates(found):
    return found
