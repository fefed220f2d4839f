//go:build nogpu || !(darwin || linux) || !(amd64 || arm64)

package metal

import (
	"errors"
	"runtime"
)

// load returns the reason why libraries can't be opened.
func load() (*library, error) {
	if runtime.GOOS == "darwin" {
		return nil, errors.New("this flowrun was built without GPU drivers (with -tags nogpu)")
	}
	return nil, errors.New("not available: Metal is part of macOS")
}

// Libraries returns none.
func Libraries() []string { return nil }
