//go:build !nogpu && (amd64 || arm64)

package dynlib

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Open opens a library. A plain name is looked up only in the system's folder, never
// beside the program or in the working folder. The dependencies of a library with a path
// are looked up beside it.
func Open(name string) (uintptr, error) {
	flags := uintptr(windows.LOAD_LIBRARY_SEARCH_SYSTEM32)
	if filepath.IsAbs(name) {
		flags |= windows.LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR
	}
	module, err := windows.LoadLibraryEx(name, 0, flags)
	return uintptr(module), err
}

// Symbol finds a function.
func Symbol(library uintptr, name string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(library), name)
}
