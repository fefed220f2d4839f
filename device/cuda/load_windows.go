//go:build !nogpu && (amd64 || arm64)

package cuda

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

var driverNames = []string{"nvcuda.dll"}

// compilerNames are NVRTC's, the newest first: in the folder that the toolkit's
// installer sets CUDA_PATH to, and in the system's.
func compilerNames() []string {
	var names []string
	for _, name := range []string{"nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc64_112_0.dll"} {
		if root := os.Getenv("CUDA_PATH"); filepath.IsAbs(root) {
			names = append(names, filepath.Join(root, "bin", "x64", name), filepath.Join(root, "bin", name))
		}
		names = append(names, name)
	}
	return names
}

// openModule takes a plain name from the system's folder alone: a library of this
// name beside the program or in the working folder is not the one. What a
// library with a path needs is looked for beside it.
func openModule(name string) (uintptr, error) {
	flags := uintptr(windows.LOAD_LIBRARY_SEARCH_SYSTEM32)
	if filepath.IsAbs(name) {
		flags |= windows.LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR
	}
	module, err := windows.LoadLibraryEx(name, 0, flags)
	return uintptr(module), err
}

func findSymbol(module uintptr, name string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(module), name)
}
