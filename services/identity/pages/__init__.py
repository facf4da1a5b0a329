"""Identity's pages: off to VNeID, back from it, on to the question, and back to the system she came from."""
