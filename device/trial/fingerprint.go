package trial

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// fingerprint lists everything that the result of a trial depends on, as far as it can be
// known without opening a driver: this program, the machine since its boot and what this
// process sees of it, the variables that drivers read, and the files and libraries that
// would be read.
func fingerprint(kind string, files []string) []string {
	parts := []string{"2", kind, runtime.GOOS, runtime.GOARCH}
	if program, err := os.Executable(); err == nil {
		parts = append(parts, file(program))
	}
	parts = append(parts, variables()...)
	parts = append(parts, machine()...)
	folders := libraryFolders()
	for _, name := range files {
		parts = append(parts, found(name, folders)...)
	}
	return parts
}

// file is a file's name, size and modification time, or a note that it doesn't exist.
func file(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return path + " is not there"
	}
	return fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano())
}

// read are the prefixes of the variables that drivers and their loaders read.
var read = []string{"LD_", "DYLD_", "OCL_", "OPENCL_", "CL_", "POCL_", "CUDA_", "NV", "__NV", "GPU_", "AMD_", "HSA_", "HIP_", "ROC",
	"INTEL_", "NEO", "ZE", "SYCL_", "IGC_", "MESA_", "RUSTICL_", "LIBGL_", "GALLIUM_", "LP_", "CLOVER_", "OCLGRIND_", "MTL_", "METAL_", "HOME=", "XDG_CACHE_HOME="}

// variables are the relevant environment variables.
func variables() []string {
	var matter []string
	for _, v := range os.Environ() {
		if slices.ContainsFunc(read, func(prefix string) bool { return strings.HasPrefix(v, prefix) }) {
			matter = append(matter, v)
		}
	}
	slices.Sort(matter)
	return matter
}

// machine identifies the machine, its boot, and the system files that drivers check for.
func machine() []string {
	parts := []string{fmt.Sprint(os.Getuid())}
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		parts = append(parts, string(boot))
	}
	for _, link := range []string{"/proc/self/ns/mnt", "/proc/self/root"} {
		to, _ := os.Readlink(link)
		parts = append(parts, link+" "+to)
	}
	for _, path := range []string{"/", "/proc/self", "/sys/devices", "/sys/class/drm", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/dri", "/dev/kfd"} {
		_, err := os.Stat(path)
		parts = append(parts, fmt.Sprint(path, err == nil))
	}
	return parts
}

// libraryFolders are the folders in which the system looks for libraries.
func libraryFolders() []string {
	if runtime.GOOS == "windows" {
		return []string{filepath.Join(os.Getenv("SystemRoot"), "System32")}
	}
	folders := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	written, _ := filepath.Glob("/etc/ld.so.conf.d/*.conf") // the pattern is valid
	for _, path := range append(written, "/etc/ld.so.conf") {
		text, _ := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); filepath.IsAbs(line) {
				folders = append(folders, line)
			}
		}
	}
	triplet := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu"
	for _, at := range []string{"/lib", "/usr/lib", "/usr/local/lib"} {
		folders = append(folders, at, at+"64", filepath.Join(at, triplet))
	}
	return folders
}

// found are the files that a library's name may refer to.
func found(library string, folders []string) []string {
	if filepath.IsAbs(library) {
		return []string{file(library)}
	}
	parts := []string{library, file("/etc/ld.so.cache")}
	for _, folder := range folders {
		path := filepath.Join(folder, library)
		if _, err := os.Stat(path); err == nil {
			parts = append(parts, file(path))
		}
	}
	return parts
}
