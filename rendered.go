package flowrun

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/version"
	"github.com/flowrun/flowrun/runs"
	"github.com/flowrun/flowrun/spec"
)

// rendered is the whole spec, as Render gives it, of the texts that the program was made
// of. A spec that is so large that this can't be done is noted, and gives "".
func (p *Program) rendered(note func(string)) (string, error) {
	p.building.Lock()
	defer p.building.Unlock()
	if p.text != "" {
		return p.text, nil
	}
	text, findings := spec.RenderProgram(p.spec)
	if !findings.HasErrors() {
		p.text = text
		return text, nil
	}
	for _, d := range findings.Items {
		if d.Severity == diag.Error && d.Rule != diag.TooLarge {
			return "", &SpecError{File: p.spec.File, Diagnostics: findings}
		}
	}
	if note != nil {
		note(p.spec.File + " is too large to be written out with what it imports, so checkpoints don't have it")
	}
	return "", nil
}

// Rendered is the whole spec, as [Render] gives it; "" where it is too large to be written
// out with what it imports.
func (p *Program) Rendered() (string, error) {
	if err := p.ready(); err != nil {
		return "", err
	}
	return p.rendered(nil)
}

// rerunFolder is where the checkpoints of a kept spec go that is run again as it is: not
// among those that it was kept with.
const rerunFolder = "again/" + runs.Checkpoints

// moved is the rendered spec as it reads in a folder, headed by how to run it again;
// maxSteps is the limit that the spec doesn't have, or 0.
func (p *Program) moved(text, folder string, maxSteps int64) (string, error) {
	moved, findings := spec.Move(p.spec.File, text, spec.Options{AllowRead: p.allowRead}, folder, rerunFolder)
	if findings.HasErrors() {
		return "", &SpecError{File: p.spec.File, Diagnostics: findings}
	}
	again := "flowrun run " + runs.SpecFile
	for _, dir := range p.foldersFrom(folder) {
		again += " --allow-read " + diag.ShellLine(dir)
	}
	if maxSteps > 0 {
		again += fmt.Sprintf(" --max-steps %d", maxSteps)
	}
	head := fmt.Sprintf("# The whole spec of the run in this folder, written by flowrun %s: overrides applied,\n"+
		"# imports included, defaults written out. Files are named from here, where this runs it again:\n#   %s\n", version.String(), strings.ReplaceAll(again, "\n", "?"))
	if strings.Contains(moved, "\r\n") {
		head = strings.ReplaceAll(head, "\n", "\r\n")
	}
	const mark = "\ufeff"
	if body, marked := strings.CutPrefix(moved, mark); marked {
		return mark + head + body, nil
	}
	return head + moved, nil
}

// foldersFrom are those, named from a folder, which a spec in it must be allowed to read.
func (p *Program) foldersFrom(folder string) (dirs []string) {
	for _, name := range p.Files()[1+len(p.spec.Imports):] {
		if way, err := wayTo(name, folder); err != nil || filepath.IsLocal(way) {
			continue
		}
		if way, err := wayTo(p.allowing(name), folder); err == nil {
			dirs = append(dirs, way)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// allowing is the one of the folders that the program may read in which a file is.
func (p *Program) allowing(file string) string {
	for _, dir := range append([]string{p.folder()}, p.allowRead...) {
		if way, err := wayTo(file, dir); err == nil && filepath.IsLocal(way) {
			return dir
		}
	}
	return filepath.Dir(file)
}

// wayTo is the path of a file from a folder.
func wayTo(file, folder string) (string, error) {
	full, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	base, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	return filepath.Rel(base, full)
}

// RenderedIn gives the text of the spec that a checkpoint was written with: overrides
// applied, imports resolved, defaults written out. Files in it are named from the folder
// in which the spec was.
func RenderedIn(checkpointFile string) (string, error) {
	file, err := safetensors.Open(checkpointFile)
	if err != nil {
		return "", err
	}
	defer file.Close()
	switch text := file.Metadata()[checkpoint.RenderedKey]; {
	case text != "":
		return text, nil
	case checkpoint.Is(file.Metadata()):
		return "", fmt.Errorf("%s has no spec in it: it was written by an older version of flowrun", checkpointFile)
	}
	return "", errors.New(checkpointFile + " is no checkpoint of flowrun: only those have their spec in them")
}
