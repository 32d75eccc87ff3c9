"""Checks of the exercises, one file per notebook: "not attempted yet", what is wrong and a hint, or "correct: ...".

Every `check_...(your_function)` prints one verdict, which a function without side effects has written; where it can, it
draws the reader's answer beside the right one.
"""

NOT_ATTEMPTED = "not attempted yet"
