"""Templates and expressions as ansible-core 2.19 reads them: native types, lazy variables.

Templates are what a person wrote (``marked.Text``) and are trusted; values never are.
"""
