"""The native generator: calls the module with likely values and keeps what reaches new code.

    module --> values (what to pass)  --+
           --> targets (what to call) --+--> search --> expect --> emit --> a file of tests
                                             ^  |
                                      trace -+--+   which lines ran, and how it ended

It records what the module does today. It knows no specification, so a bug is recorded as well:
the header of the file says so.
"""
