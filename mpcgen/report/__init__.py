"""Result files in the field's formats."""
