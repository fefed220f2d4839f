package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/data/images/decode"
	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// picture is an image's file.
type picture struct {
	path   string
	class  string      // its folder's name
	named  table.Place // where a file names it; nothing if it was found in a folder
	hash   string      // of its content
	pixels int64
}

// fault is what is wrong with it.
func (p *picture) fault(message string) *table.Fault {
	if p.named.File == "" {
		return &table.Fault{Place: table.Place{File: p.path}, Message: message}
	}
	return &table.Fault{Place: p.named, Message: diag.CutPath(p.path) + ": " + message}
}

// name is the file's, without folders.
func (p *picture) name() string { return filepath.Base(p.path) }

// list finds the files of a declaration. Those that are no images are left out, or errors.
func list(ctx context.Context, in *table.Input) ([]picture, error) {
	var all []picture
	for _, declared := range in.Decl.Files {
		paths, err := in.Files.List(ctx, declared.Path)
		if err != nil {
			return nil, err
		}
		root := ""
		if info, err := in.Files.Stat(declared.Path); err == nil && info.IsDir() {
			root = declared.Path
		}
		found := make([]picture, len(paths))
		for i, p := range paths {
			found[i] = picture{path: p, class: classOf(root, p)}
		}
		if root != "" { // classes in their order, whatever the names of files
			slices.SortStableFunc(found, func(a, b picture) int { return strings.Compare(a.class, b.class) })
		}
		all = append(all, found...)
	}
	outcomes, err := examine(ctx, in, all)
	if err != nil {
		return nil, err
	}
	return sift(in, all, outcomes)
}

// examine looks at all files.
func examine(ctx context.Context, in *table.Input, all []picture) ([]outcome, error) {
	maxPixels := maxPixelsOf(in.Decl)
	outcomes := make([]outcome, len(all))
	err := parallel(ctx, len(all), func(i int) error {
		var err error
		outcomes[i], err = look(in, &all[i], maxPixels)
		return err
	})
	return outcomes, err
}

// classOf gives the name of the folder that an image of a folder is in, directly below the
// folder; without a folder, of the one that the image is in.
func classOf(root, file string) string {
	file = filepath.ToSlash(file)
	if root == "" {
		return path.Base(path.Dir(file))
	}
	below, err := filepath.Rel(root, filepath.FromSlash(file))
	if err != nil {
		return ""
	}
	below = filepath.ToSlash(below)
	class, _, ok := strings.Cut(below, "/")
	if !ok {
		return ""
	}
	return class
}

// outcome is what a look at a file found.
type outcome struct {
	fault string // "": it is an image
	other bool   // and it needn't be one
}

// look reads a file's header, and hashes it.
func look(in *table.Input, p *picture, maxPixels int64) (outcome, error) {
	f, err := in.Files.Open(p.path)
	if err != nil {
		if e := (*fs.PathError)(nil); errors.Is(err, fs.ErrNotExist) {
			err = errors.New("there is no such file")
		} else if errors.As(err, &e) {
			err = e.Err // the path is said anyway
		}
		return outcome{fault: err.Error()}, nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return outcome{}, err
	}
	content := io.NewSectionReader(f, 0, info.Size())
	width, height, most, err := decode.Size(content, maxPixels)
	if err != nil {
		head := make([]byte, 16)
		n, _ := f.ReadAt(head, 0)
		format, _ := decode.Format(head[:n])
		extension := strings.ToLower(filepath.Ext(p.path))
		return outcome{fault: err.Error(), other: format == "" && extension != ".png" && extension != ".jpg" && extension != ".jpeg"}, nil
	}
	if info.Size() > most {
		return outcome{fault: fmt.Sprintf("the file has %s, far more than its %d × %d pixels explain", diag.Bytes(info.Size()), width, height)}, nil
	}
	p.pixels = int64(width) * int64(height)
	h := prepared.NewContentHash()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, info.Size())); err != nil {
		return outcome{}, err
	}
	p.hash = h.String()
	return outcome{}, nil
}

// sift keeps the images.
func sift(in *table.Input, all []picture, outcomes []outcome) ([]picture, error) {
	var kept []picture
	var skipped []string
	needFolder := slices.ContainsFunc(in.Decl.Fields, func(f table.Field) bool { return f.Options.Text(keyValue) == valueFolder })
	for i, o := range outcomes {
		p := &all[i]
		message := o.fault
		switch {
		case o.other && in.Decl.Options.Text(keyOtherFiles) == otherSkip:
			skipped = append(skipped, diag.CutPath(p.path))
			continue
		case o.other:
			message += ". Remove it, or declare `other_files: skip`"
		case message == "" && p.class == "" && needFolder:
			message = "it is in no folder below the one that the spec names, and the folder's name is its class"
		}
		if message == "" {
			kept = append(kept, *p)
			continue
		}
		if err := in.Report(p.fault(message)); err != nil {
			return nil, err
		}
	}
	if len(skipped) > 0 {
		in.Tell("%s skipped that are no images: %s", diag.Count(len(skipped), "file"), diag.Few(skipped))
	}
	if len(kept) == 0 {
		if err := in.Faultless(); err != nil {
			return nil, err
		}
		names := make([]string, len(in.Decl.Files))
		for i, f := range in.Decl.Files {
			names[i] = diag.CutPath(f.Name)
		}
		return nil, fmt.Errorf("%s: there are no images", strings.Join(names, ", "))
	}
	return kept, nil
}
