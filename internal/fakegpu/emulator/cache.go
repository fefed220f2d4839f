package emulator

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

//go:embed cpp
var sources embed.FS

// Unpack writes the emulator's C++ files to a folder of the cache and returns its path.
var Unpack = sync.OnceValues(func() (string, error) {
	cpp, err := fs.Sub(sources, "cpp")
	if err != nil {
		return "", err
	}
	return UnpackInto("cpp", cpp)
})

// UnpackInto writes files to a folder of the cache whose name is a hash of their
// contents: different files never share a folder, equal ones do.
func UnpackInto(name string, files fs.FS) (string, error) {
	hash := sha256.New()
	contents := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		contents[filepath.FromSlash(name)] = text
		fmt.Fprintf(hash, "%s %d %s", name, len(text), text)
		return err
	})
	if err != nil {
		return "", err
	}
	cache, err := CacheFolder()
	if err != nil {
		return "", err
	}
	forgetUnused(cache)
	dir := filepath.Join(cache, name+"-"+hex.EncodeToString(hash.Sum(nil)[:8]))
	for name, text := range contents {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := write(file, text); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// forgetUnused removes what hasn't been used for a month from the cache. Failures are
// ignored.
func forgetUnused(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !e.IsDir() && time.Since(info.ModTime()) > 30*24*time.Hour {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// CacheFolder is the cache for test builds: in $FLOWRUN_CACHE or the user's cache folder.
func CacheFolder() (string, error) {
	dir := os.Getenv("FLOWRUN_CACHE")
	if dir == "" {
		var err error
		if dir, err = os.UserCacheDir(); err != nil {
			return "", err
		}
		dir = filepath.Join(dir, "flowrun")
	}
	return filepath.Join(dir, "emulator"), nil
}

// write creates a file atomically.
func write(file string, content []byte) error {
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, content) {
		return nil
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file))
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
	}
	return err
}

// Version is the compiler's version text.
var Version = sync.OnceValues(func() (string, error) {
	said, err := exec.Command(CompilerName, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", CompilerName, err)
	}
	return string(said), nil
})

var attempts atomic.Int64

// remember returns the path of the file that `make` writes, from the cache if possible.
// key contains everything it depends on, besides the compiler.
func remember(kind, key string, make func(path string) error) (string, error) {
	version, err := Version()
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256([]byte(version + "\n" + key))
	cache, err := CacheFolder()
	if err != nil {
		return "", err
	}
	result := filepath.Join(cache, kind+"-"+hex.EncodeToString(hash[:12]))
	if err := os.Chtimes(result, time.Time{}, time.Now()); err == nil {
		return result, nil // marked as used
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	temporary := fmt.Sprintf("%s.%d.%d", result, os.Getpid(), attempts.Add(1))
	defer os.Remove(temporary)
	if err := make(temporary); err != nil {
		return "", err
	}
	return result, os.Rename(temporary, result)
}

// compile compiles a text, or the result of prepare if that isn't nil.
func compile(clang string, args []string, text, kind string, prepare func(text string) (string, error)) (string, error) {
	return remember(kind, fmt.Sprintf("%q\n%s", args, text), func(path string) (err error) {
		if prepare != nil {
			if text, err = prepare(text); err != nil {
				return err
			}
		}
		_, err = filter(clang, append(slices.Clone(args), "-", "-o", path), text)
		return err
	})
}

// filter runs a program with a text as input, and returns its output.
func filter(program string, args []string, text string) (string, error) {
	command := exec.Command(program, args...)
	command.Stdin = strings.NewReader(text)
	var said, wrong bytes.Buffer
	command.Stdout, command.Stderr = &said, &wrong
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", program, err, wrong.Bytes())
	}
	return said.String(), nil
}
