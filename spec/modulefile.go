package spec

import (
	"regexp"

	"github.com/flowrun/flowrun/diag"
)

// IsModules reports whether a text is, by its keys, a file of modules for others
// to import, and no spec: it has modules or optimizers, and no model.
func IsModules(src []byte) bool {
	modules := false
	for _, m := range sectionLine.FindAllSubmatch(src, -1) {
		if string(m[1]) == "model" {
			return false
		}
		modules = true
	}
	return modules
}

var sectionLine = regexp.MustCompile(`(?m)^["']?(model|modules|optimizers)["']?[ \t]*:`)

// ParseModules reads and checks a file of modules as an import does. Shapes are
// checked where modules are called, so not here.
func ParseModules(name string, src []byte, o Options) diag.List {
	var list diag.List
	d := &decoder{list: &list, importer: newImporter(name, o.AllowRead), file: name}
	d.read(&importedFile{path: name}, string(src))
	list.ApplyIgnores("") // warnings depend on the calls
	list.Sort()
	return list
}
