// Package build builds what plays a GPU's driver in tests: libraries, out of a
// fake's own sources and the emulator of kernels in internal/fakegpu/emulator/cpp. It needs
// clang++-19.
package build

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// compilerName is what the fakes' sources are written for.
const compilerName = "clang++-19"

// target is the compiler's argument for this processor. What runs on arm64 may be
// compiled elsewhere.
var target = map[string]string{"amd64": "-march=x86-64-v3", "arm64": "--target=aarch64-linux-gnu"}[runtime.GOARCH]

// Kit is what a fake is built with.
type Kit struct {
	Sources  string   // the folder of its sources
	Emulator string   // that of the emulator's
	Defines  []string // what internal/fakegpu/emulator/cpp/compiling.h wants to know, as the compiler's arguments
	folder   string   // where its commands write
}

// File is the path of a library that is built.
func (k Kit) File(name string) string { return filepath.Join(k.folder, name) }

// Command compiles something.
type Command struct {
	Arguments []string // the compiler's, besides the one for the processor
	Input     string   // what it reads
}

// Build runs the commands that make a fake's libraries out of the sources in a folder
// of the project, and gives the folder in which they are kept, with the emulator as
// emulator.o; it is named by all that they are built from. That the compiler or the
// sources aren't there is an error; that the sources don't compile is a panic.
func Build(name, sources string, commands func(Kit) []Command) (folder string, err error) {
	compiler, err := exec.LookPath(compilerName)
	if err != nil {
		return "", err
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	kit := Kit{Sources: filepath.Join(root, sources), Emulator: filepath.Join(root, "internal/fakegpu/emulator/cpp")}
	sum, err := digest(kit.Sources, kit.Emulator)
	if err != nil {
		return "", err
	}
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	folder = filepath.Join(cache, name, fmt.Sprintf("%x", sum[:8]))
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return "", err
	}
	// In a folder of its own first: others may be at it as well.
	kit.folder, err = os.MkdirTemp(filepath.Dir(folder), "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(kit.folder)
	kit.Defines = []string{
		fmt.Sprintf("-DCOMPILER=%q", compiler), fmt.Sprintf("-DTARGET=%q", target), fmt.Sprintf("-DEMULATOR=%q", kit.Emulator),
		fmt.Sprintf("-DFOLDER=%q", folder), fmt.Sprintf("-DBUILD=%d", binary.LittleEndian.Uint32(sum)>>1),
	}
	emulator := Command{Arguments: []string{"-std=c++17", "-O2", "-g1", "-fPIC", "-c", filepath.Join(kit.Emulator, "emulator.cc"), "-o", kit.File("emulator.o")}}
	for _, c := range append(commands(kit), emulator) {
		command := exec.Command(compiler, append([]string{target}, c.Arguments...)...)
		command.Stdin = strings.NewReader(c.Input)
		if out, err := command.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%s doesn't build: %v\n%s", name, err, out))
		}
	}
	if err := os.Rename(kit.folder, folder); err != nil {
		if _, there := os.Stat(folder); there != nil {
			return "", err
		}
	}
	return folder, nil
}

// digest is a hash of all files in folders, and of what they are compiled for.
func digest(folders ...string) ([]byte, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, target)
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(file)
			fmt.Fprintf(hash, "%s %d %s", file, len(text), text)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return hash.Sum(nil), nil
}

// cacheFolder is where what is built is kept, as flowrun does.
func cacheFolder() (string, error) {
	if cache := os.Getenv("FLOWRUN_CACHE"); cache != "" {
		return cache, nil
	}
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "flowrun"), err
}

// moduleRoot is the folder of go.mod, above the tests' working folder.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		if parent := filepath.Dir(folder); parent != folder {
			folder = parent
			continue
		}
		return "", errors.New("the sources are not there")
	}
}
