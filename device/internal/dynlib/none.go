//go:build nogpu || !(linux || darwin || windows) || !(amd64 || arm64)

package dynlib

import "errors"

// Available says that libraries can't be opened.
const Available = false

// Open returns the reason.
func Open(string) (uintptr, error) { return 0, errors.New("this flowrun can't open libraries") }

// Symbol is never called.
func Symbol(uintptr, string) (uintptr, error) { return 0, nil }

// Call is never called.
func Call(uintptr, ...uintptr) uintptr { return 0 }
