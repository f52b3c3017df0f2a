"""The base on Amazon: one CloudFormation stack a target. A file per noun renders, pure; `stack` does the effects."""
