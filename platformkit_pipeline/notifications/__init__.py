"""Messages to people and systems outside: how events of this product read in Mattermost, n8n and GitHub issues."""
