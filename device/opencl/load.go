package opencl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// Libraries lists the libraries to open when looking for devices, in order.
func Libraries() []string {
	names := map[string][]string{
		"linux":   {"libOpenCL.so.1", "libOpenCL.so"},
		"darwin":  {"/System/Library/Frameworks/OpenCL.framework/OpenCL"},
		"windows": {"OpenCL.dll"},
	}[runtime.GOOS]
	if !dynlib.Available {
		return nil
	}
	return names
}

var loaded dynlib.Once[library]

// load opens the loader.
func load() (*library, error) { return loaded.Get(openLoader) }

func openLoader() (*library, error) {
	if !dynlib.Available {
		return nil, errors.New("this flowrun was built without GPU drivers (with -tags nogpu, or for a system that they aren't made for)")
	}
	var tried []string
	for _, name := range Libraries() {
		library, err := openLibrary(name)
		if err == nil {
			return library, nil
		}
		tried = append(tried, err.Error())
	}
	return nil, fmt.Errorf("no OpenCL loader was found: %s", strings.Join(tried, "; "))
}

func openLibrary(name string) (*library, error) {
	module, err := dynlib.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s (%w)", name, err)
	}
	l := &library{name: name}
	for _, function := range functions {
		address, err := dynlib.Symbol(module, function)
		if err != nil {
			return nil, fmt.Errorf("%s (it has no %s: OpenCL 1.2 or newer is needed)", name, function)
		}
		l.address = append(l.address, address)
	}
	return l.faulty(nil), nil
}

// Where the OpenCL loader looks for files that register drivers, unless a variable names
// another folder or a file.
const (
	vendors         = "/etc/OpenCL/vendors"
	vendorsVariable = "OCL_ICD_VENDORS"
)

// Plugins lists the files of the drivers that the loader would open.
func Plugins() []string {
	from := os.Getenv(vendorsVariable)
	if from == "" {
		from = vendors
	}
	return registrations(from)
}

// Only is the variable assignment that makes the loader open only one of Plugins.
func Only(file string) string { return vendorsVariable + "=" + file }

// Reads lists the files and libraries that the loader may read: registration files, each
// of which names a driver's library, and these libraries.
func Reads() []string {
	all := filepath.SplitList(os.Getenv("OCL_ICD_FILENAMES"))
	for _, from := range []string{os.Getenv(vendorsVariable), os.Getenv("OPENCL_VENDOR_PATH"), vendors} {
		if from == "" {
			continue
		}
		files := registrations(from)
		if len(files) == 0 { // it may be a file or a library itself
			files = []string{from}
			all = append(all, from)
		}
		for _, file := range files {
			if path, err := filepath.Abs(file); err == nil {
				all = append(all, path)
			}
			for line := range strings.Lines(readSmall(file)) {
				all = append(all, strings.TrimSpace(line))
			}
		}
	}
	return all
}

func registrations(folder string) []string {
	files, _ := filepath.Glob(filepath.Join(folder, "*.icd")) // on a bad pattern there are no files
	return files
}

// readSmall reads a small text file; anything else counts as empty.
func readSmall(path string) string {
	const most = 4096
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return ""
	}
	text, _ := os.ReadFile(path) // a file that can't be read registers nothing
	return string(text)
}
