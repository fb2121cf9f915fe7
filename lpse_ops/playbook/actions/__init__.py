"""The part of a module that runs on the controller, one module each; see ``context``."""
