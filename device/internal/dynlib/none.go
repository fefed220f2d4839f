//go:build nogpu || !(linux || darwin || windows) || !(amd64 || arm64)

package dynlib

import "errors"

// Available says that libraries can't be opened.
const Available = false

// Open gives the reason.
func Open(string) (uintptr, error) { return 0, errors.New("this flowrun can't open libraries") }

// Symbol is never reached.
func Symbol(uintptr, string) (uintptr, error) { return 0, nil }

// Call is never reached.
func Call(uintptr, ...uintptr) uintptr { return 0 }
