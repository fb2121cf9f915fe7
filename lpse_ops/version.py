"""The version of this package; a module, because asking the installed package takes a megabyte."""

VERSION = "0.1.0"
