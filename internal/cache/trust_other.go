//go:build !unix

package cache

import "os"

// Permissions of the user's folders are left to the system.
const (
	byOthers = 0
	openOnly = 0
)

func own(os.FileInfo) bool { return true }
