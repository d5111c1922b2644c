"""What the commands share: from settings, photos and networks to what is asked for."""
