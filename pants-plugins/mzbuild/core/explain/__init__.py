"""Why a fingerprint is not what it was."""
