"""What every part agrees on. Imports only the standard library and pydantic; knows none of the parts."""
