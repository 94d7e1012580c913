"""The app: a page that translates, recognises and spells with the zoo's models, offline."""
