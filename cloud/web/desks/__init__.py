"""Home screens where one role sees many rooms."""
