package kernels

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/internal/files"
)

//go:embed opencl cuda/*.h cuda/*.cu metal
var embedded embed.FS

// Languages are those that kernels have sources in, besides Go; each has a folder
// of its name.
var Languages = []string{"opencl", "cuda", "metal"}

// FileNames are a kernel's files, one for each language: "opencl/exp.cl".
func FileNames(kernel string) (names []string) {
	for _, l := range Languages {
		names = append(names, l+"/"+kernel+languages[l].extension)
	}
	return names
}

// Sources finds kernels' sources: in a folder of the user's, and for what isn't
// there in the program itself.
type Sources struct {
	layers []layer
}

// layer is a folder with a folder for each language.
type layer struct {
	files fs.FS
	name  string
}

// Embedded gives the sources that the program was built with.
func Embedded() *Sources { return &Sources{layers: []layer{{embedded, "kernels"}}} }

// Overlay puts a folder over the sources that the program was built with: it may
// hold a file LANGUAGE/NAME, as in [FileNames], for each that it replaces, and a
// LANGUAGE/prelude.h. Files are read each time they are asked for. "" is no
// folder.
func Overlay(dir string) (*Sources, error) {
	if dir == "" {
		return Embedded(), nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("kernels: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("kernels: %s is not a folder; expected a folder that contains %s", dir, strings.Join(FileNames("NAME"), " or "))
	}
	s := Embedded()
	s.layers = slices.Insert(s.layers, 0, layer{files.Dir(dir), dir})
	return s, nil
}

// Source is a kernel's source: files to be compiled as one, in this order.
type Source struct {
	Files []File
}

// Joined is the files as one text, in which compilers find their names and lines.
func (s Source) Joined() string {
	var text strings.Builder
	for _, f := range s.Files {
		fmt.Fprintf(&text, "#line 1 %q\n%s\n", f.Name, f.Text)
	}
	return text.String()
}

// File is a source file.
type File struct {
	Name string // "kernels/opencl/exp.cl", or the path of the file that lies over it
	Text string
	// Generated says that there is no such file: it was written for one kernel.
	Generated bool
}

// Source gives a kernel's source in a language, what comes before every kernel
// first. That of a fused kernel is put together from its parts' files.
func (s *Sources) Source(language string, kernel *Kernel) (Source, error) {
	l := languages[language]
	if l == nil {
		return Source{}, fmt.Errorf("kernels: there is no language %q; there is %v", language, Languages)
	}
	if kernel.fused != nil {
		return s.fusedSource(language, kernel)
	}
	return s.files(language, append(l.before[:len(l.before):len(l.before)], kernel.Name+l.extension)...)
}

// files reads files of a language.
func (s *Sources) files(language string, names ...string) (Source, error) {
	var source Source
	for _, name := range names {
		f, err := s.file(language + "/" + name)
		if err != nil {
			return Source{}, err
		}
		source.Files = append(source.Files, f)
	}
	return source, nil
}

// isBuiltIn tells a file of the sources that the program was built with.
func (s *Sources) isBuiltIn(name string) bool {
	_, err := fs.Stat(s.layers[len(s.layers)-1].files, name)
	return err == nil
}

// file reads a file from the first layer that has it.
func (s *Sources) file(name string) (File, error) {
	for _, layer := range s.layers {
		text, err := fs.ReadFile(layer.files, name)
		if err == nil {
			return File{Name: path.Join(filepath.ToSlash(layer.name), name), Text: string(text)}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return File{}, fmt.Errorf("kernels: %w", err)
		}
	}
	return File{}, fmt.Errorf("kernels: there is no file %s", name)
}
