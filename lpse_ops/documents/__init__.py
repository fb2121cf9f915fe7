"""Letters and minutes: the same values as PDF, DOCX and HTML, in Indonesian."""
