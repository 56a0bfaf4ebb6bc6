"""The command line: arguments, help, exit codes. What a command does lives in the other rooms of `inkling`."""
