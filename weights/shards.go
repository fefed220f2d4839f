package weights

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/files"
)

// maxShards is how many shards an index may have. All are open at once.
const maxShards = 1000

// openIndex opens the shards of an index, which it takes ownership of.
func openIndex(open Opener, path string, file *os.File) (_ *File, err error) {
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	x, err := readIndex(file, info.Size(), path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", diag.CutPath(path), err)
	}
	if len(x.shards) > maxShards {
		return nil, fmt.Errorf("%s: the index has %d shards; the limit is %d", diag.CutPath(path), len(x.shards), maxShards)
	}
	f := &File{path: path, where: map[string]int{}, metadata: x.metadata, names: slices.Sorted(maps.Keys(x.shardOf))}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	for i, name := range x.shards {
		tensors, err := openShard(open, path, name)
		if err != nil {
			return nil, f.wrap(fmt.Errorf("shard %d of %d, which has %s: %w", i+1, len(x.shards), diag.Names(x.tensorsOf(name)), err))
		}
		f.parts = append(f.parts, part{name, tensors})
	}
	if err := f.place(x); err != nil {
		return nil, f.wrap(err)
	}
	f.compareSize(x.size)
	if f.learned, err = f.learnedByAll(); err != nil {
		return nil, f.wrap(err)
	}
	return f, nil
}

// tensorsOf are the tensors of a shard, sorted.
func (x *index) tensorsOf(shard string) (names []string) {
	for name, s := range x.shardOf {
		if s == shard {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// openShard opens a shard in the folder of its index: in the one where the index was
// named, or, if that is a link, where it lies, as in caches of downloads.
func openShard(open Opener, index, name string) (*safetensors.File, error) {
	path := filepath.Join(filepath.Dir(index), name)
	file, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := within(index, path, file); err != nil {
		file.Close()
		return nil, err
	}
	tensors, err := safetensors.NewOpen(file, path)
	if err != nil {
		file.Close()
		return nil, err
	}
	return tensors, nil
}

// within refuses a shard that a link leads out of the index's folder. Opened from there
// it must be the very file that is open.
func within(index, path string, file *os.File) error {
	folders := []string{filepath.Dir(index)}
	if real, err := filepath.EvalSymlinks(index); err == nil {
		folders = append(folders, filepath.Dir(real))
	}
	inside, err := files.OpenWithin(folders, path)
	if out := new(files.Outside); errors.As(err, &out) {
		return fmt.Errorf("%w, outside the index's folder", out)
	}
	if err != nil {
		return err
	}
	defer inside.Close()
	a, err := file.Stat()
	if err != nil {
		return err
	}
	b, err := inside.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(a, b) {
		return fmt.Errorf("%s was replaced while it was opened", diag.CutPath(path))
	}
	return nil
}

// place says in which part each tensor is, as the index does, and that it is there.
func (f *File) place(x *index) error {
	numbers := map[string]int{}
	for i, p := range f.parts {
		numbers[p.name] = i
	}
	var missing []string
	for _, name := range f.names {
		shard := x.shardOf[name]
		f.where[name] = numbers[shard]
		if _, err := f.Raw(name); err != nil {
			missing = append(missing, fmt.Sprintf("the tensor %s isn't in %s%s", diag.Quote(name), diag.Quote(shard), f.elsewhere(name)))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the shards don't have what the index says: %s", diag.Few(missing))
	}
	return nil
}

// elsewhere says in which other shard a tensor is; "" if in none.
func (f *File) elsewhere(tensor string) string {
	for _, p := range f.parts {
		if _, err := p.Raw(tensor); err == nil {
			return " but in " + diag.Quote(p.name)
		}
	}
	return ""
}

// compareSize notes that the tensors don't have the size that the index says. That is no
// error: indexes of others are often wrong, as where weights were converted to another
// dtype, or where a tied tensor was counted twice.
func (f *File) compareSize(says *int64) {
	if says == nil {
		return
	}
	var size int64
	for _, name := range f.names {
		if raw, err := f.Raw(name); err == nil {
			size += raw.Size
		}
	}
	if size != *says {
		f.note = fmt.Sprintf("the index says that the tensors have %d bytes (total_size), and they have %d", *says, size)
	}
}

// learnedByAll is what the index or the shards know of the data. They may not contradict
// each other.
func (f *File) learnedByAll() (string, error) {
	known, by := "", ""
	meet := func(text, of string) error {
		facts, err := learned.Parse(text)
		if err != nil {
			return fmt.Errorf("%s: %w", of, err)
		}
		if text = facts.JSON(); len(facts) == 0 || text == known {
			return nil
		}
		if known != "" {
			return fmt.Errorf("%s and %s know different things of the data that they were trained on, so they don't belong together", by, of)
		}
		known, by = text, of
		return nil
	}
	err := meet(f.metadata[LearnedKey], "the index")
	for _, p := range f.parts {
		if err == nil {
			err = meet(p.Metadata()[LearnedKey], "the shard "+diag.Quote(p.name))
		}
	}
	return known, err
}
