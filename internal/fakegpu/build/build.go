// Package build compiles a fake driver's libraries from the fake's sources and the
// emulator's. It needs clang++-19.
package build

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/flowrun/flowrun/internal/fakegpu/emulator"
)

// target is the compiler's argument for each processor. Libraries for arm64 may be
// cross-compiled.
var target = map[string]string{"amd64": "-march=x86-64-v3", "arm64": "--target=aarch64-linux-gnu"}[runtime.GOARCH]

// Kit is the input of a build.
type Kit struct {
	Sources  string   // the folder of its sources
	Emulator string   // the folder of the emulator's sources
	Defines  []string // macro definitions for the emulator's compiling.h, as arguments
	folder   string   // the output folder
}

// File is the path of a library to build.
func (k Kit) File(name string) string { return filepath.Join(k.folder, name) }

// Command is a compiler invocation.
type Command struct {
	Arguments []string // besides the one for the processor
	Input     string   // the source
}

// Build runs the commands that compile a fake's libraries, and returns the cache folder
// that contains them, with the emulator as emulator.o. The folder is named after the
// sources, the commands and the compiler. A missing compiler is an error; a compile error
// panics.
func Build(name string, sources fs.FS, commands func(Kit) []Command) (folder string, err error) {
	compiler, err := exec.LookPath(emulator.CompilerName)
	if err != nil {
		return "", err
	}
	version, err := emulator.Version()
	if err != nil {
		return "", err
	}
	var kit Kit
	if kit.Emulator, err = emulator.Unpack(); err != nil {
		return "", err
	}
	if kit.Sources, err = emulator.UnpackInto(name, sources); err != nil {
		return "", err
	}
	// The commands contain paths that depend on the files' contents.
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%q", version, target, kit.Emulator, commands(kit)))
	folder = fmt.Sprintf("%s-%x.built", kit.Sources, sum[:8])
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	// Other processes may be building it too, so it is built in a temporary folder.
	kit.folder, err = os.MkdirTemp(filepath.Dir(folder), "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(kit.folder)
	kit.Defines = []string{
		fmt.Sprintf("-DCOMPILER=%q", compiler), fmt.Sprintf("-DTARGET=%q", target), fmt.Sprintf("-DEMULATOR=%q", kit.Emulator),
		fmt.Sprintf("-DFOLDER=%q", folder), fmt.Sprintf("-DBUILD=%d", binary.LittleEndian.Uint32(sum[:])>>1),
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
