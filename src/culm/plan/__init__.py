"""Will it fit, what will it cost."""
