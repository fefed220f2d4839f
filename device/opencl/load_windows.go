//go:build !nogpu && (amd64 || arm64)

package opencl

import "golang.org/x/sys/windows"

var libraryNames = []string{"OpenCL.dll"}

// openModule looks in the system's folder alone: a library of this name beside
// the program or in the working folder is not the loader.
func openModule(name string) (uintptr, error) {
	module, err := windows.LoadLibraryEx(name, 0, windows.LOAD_LIBRARY_SEARCH_SYSTEM32)
	return uintptr(module), err
}

func findSymbol(module uintptr, name string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(module), name)
}
