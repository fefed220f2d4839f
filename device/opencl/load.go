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

// Libraries names what is opened to look for devices, in the order of trial.
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

// vendors is where OpenCL's loader looks for the files that register drivers, unless
// a variable names another folder, or one file.
const (
	vendors         = "/etc/OpenCL/vendors"
	vendorsVariable = "OCL_ICD_VENDORS"
)

// Plugins are the files of the drivers that the loader would open.
func Plugins() []string {
	from := os.Getenv(vendorsVariable)
	if from == "" {
		from = vendors
	}
	return registrations(from)
}

// Only is the variable that makes the loader open one of Plugins alone.
func Only(file string) string { return vendorsVariable + "=" + file }

// Reads are the files and libraries that the loader may read: files that register a
// driver each, by naming its library, and the libraries.
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
	files, _ := filepath.Glob(filepath.Join(folder, "*.icd")) // a folder's name is no pattern
	return files
}

// readSmall reads a small file of text; anything else is empty.
func readSmall(path string) string {
	const most = 4096
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return ""
	}
	text, _ := os.ReadFile(path) // a file that can't be read registers nothing
	return string(text)
}
