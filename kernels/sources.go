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

//go:embed common opencl cuda/*.h cuda/*.cu metal
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

// Sources finds kernels' sources: in an overlay, or else in the program itself.
type Sources struct {
	layers []layer
}

// layer is a folder with a folder for each language.
type layer struct {
	files fs.FS
	name  string
}

// Embedded returns the sources that the program was built with.
func Embedded() *Sources { return &Sources{layers: []layer{{embedded, "kernels"}}} }

// Overlay overrides the built-in sources by those of a folder: kernels' files, named
// as in [FileNames], and headers, such as opencl/prelude.h or common/words.h. Files
// are read at each use. "" is no folder.
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
	Name string `json:"name"` // "kernels/opencl/exp.cl", or the path of the file that overrides it
	Text string `json:"text"`
	// Generated says that there is no such file: it was written for one kernel.
	Generated bool `json:"-"`
	// Typed says that it is a header in which the dtypes have been chosen.
	Typed bool `json:"-"`
}

// Source gives a kernel's source in a language: the headers; the kernel's file, or
// those of a fused kernel's parts; and, for kernels with a [Body], what the entry
// point is generated from.
func (s *Sources) Source(language string, kernel *Kernel) (Source, error) {
	l := languages[language]
	if l == nil {
		return Source{}, fmt.Errorf("kernels: there is no language %q; there is %v", language, Languages)
	}
	if !kernel.In(language) {
		return Source{}, fmt.Errorf("kernels: the kernel %s doesn't exist in %s", kernel.Name, language)
	}
	a := assembly{sources: s, language: l}
	for _, name := range l.headers {
		a.file(name)
	}
	if kernel.header != "" {
		a.file("common/" + kernel.header + ".h")
		a.typed()
	}
	switch {
	case kernel.fused != nil:
		a.fused(kernel)
	default:
		text := a.file(l.path(kernel.Name))
		if kernel.Body != NoBody && !kernel.hasOwnEntry(text) {
			a.wrap(kernel.wrapper(l))
		}
	}
	return a.source, a.err
}

// assembly puts a source together. After an error it adds nothing more.
type assembly struct {
	sources  *Sources
	language *language
	source   Source
	err      error
}

// file adds a file, and gives its text.
func (a *assembly) file(name string) string {
	if a.err != nil {
		return ""
	}
	var f File
	if f, a.err = a.sources.file(name); a.err == nil {
		a.source.Files = append(a.source.Files, f)
	}
	return f.Text
}

// typed says of the last file that the dtypes have been chosen in it.
func (a *assembly) typed() {
	if a.err == nil {
		a.source.Files[len(a.source.Files)-1].Typed = true
	}
}

// generated adds a generated text.
func (a *assembly) generated(kernel, text string) {
	a.source.Files = append(a.source.Files, File{Name: "generated/" + kernel + a.language.extension, Text: text, Generated: true})
}

// wrap adds the definitions of an entry point, and the template that is written in
// terms of them.
func (a *assembly) wrap(w wrapper) {
	a.generated(w.kernel.Name, w.definitions(a.language))
	a.file(a.language.path(string(w.body)))
}

// isBuiltIn reports whether the program was built with a file.
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
