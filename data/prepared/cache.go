package prepared

import (
	"context"
	"os"
	"runtime"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/cache"
	"github.com/flowrun/flowrun/internal/files"
)

// Limit is how many bytes of prepared tables are kept on disk. A table that is larger
// stays until the next one is made.
const Limit = 16 << 30

// memoryLimit is how many bytes of a table are kept in memory where no disk takes them.
const memoryLimit = 128 << 20

// smallTable is up to which size a table is kept in memory while it is open.
const smallTable = 8 << 20

// Cache keeps prepared tables. Its methods may be called from several goroutines.
type Cache struct {
	folder cache.Folder
	memory int64       // bytes of a table that may be in memory where no disk takes it
	small  int64       // up to which size an open table is kept in memory
	fault  files.Fault // for tests
	watch  func(Entry) // nil: nobody
}

// Entry is a table that was prepared.
type Entry struct {
	Path  string // of its file; "" if it is only in memory, or in a file without a name
	Bytes int64
	Made  bool // now; it wasn't there, or not whole
}

// Watched is the same cache, which tells of each table that is prepared.
func (c *Cache) Watched(watch func(Entry)) *Cache {
	d := *c
	d.watch = watch
	return &d
}

// tell tells of a table.
func (c *Cache) tell(name string, t *Table, made bool) {
	if c.watch == nil || len(t.columns) == 0 { // what was learned has no examples
		return
	}
	e := Entry{Bytes: t.size, Made: made}
	if f, info, ok := c.folder.Open(name); ok {
		e.Path, e.Bytes = f.Name(), info.Size()
		_ = f.Close() // it was only looked at
	}
	c.watch(e)
}

// Default is the cache in the folder data of FLOWRUN_CACHE, or of the user's cache folder
// for flowrun.
func Default() *Cache { return of(cache.In("data", Limit)) }

// In is a cache in a folder; "" keeps nothing.
func In(folder string) *Cache {
	return of(cache.Folder{Path: folder, Limit: Limit})
}

func of(folder cache.Folder) *Cache {
	return &Cache{folder: folder, memory: memoryLimit, small: smallTable}
}

// Prepare is a table.Prepare. tell, if it isn't nil, learns why a table can't be kept.
func (c *Cache) Prepare(tell func(string)) table.Prepare {
	return func(ctx context.Context, key string, columns []table.Column, fill func(table.Writer) error) (table.Prepared, error) {
		name := keyOf(key, columns)
		if t := c.find(ctx, name, columns); t != nil {
			c.tell(name, t, false)
			return t, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s, err := newStore(c, tell)
		if err != nil {
			return nil, err
		}
		t, err := c.make(ctx, name, columns, fill, s)
		if err != nil {
			s.discard()
			return nil, err
		}
		c.tell(name, t, true)
		return t, nil
	}
}

// make fills a table and keeps it.
func (c *Cache) make(ctx context.Context, name string, columns []table.Column, fill func(table.Writer) error, s *store) (*Table, error) {
	w := newWriter(ctx, columns, s)
	if err := fill(w); err != nil {
		return nil, err
	}
	if err := w.flush(); err != nil {
		return nil, err
	}
	foot := footer{records: w.records, recordBytes: w.bytes}
	if err := finish(s, name, foot, w.sums, w.extra); err != nil {
		return nil, err
	}
	if s.kept != "" {
		if t := c.keep(ctx, s, name, columns); t != nil {
			return t, nil
		}
	}
	t := newTable(s.at, name, columns, foot, w.sums, w.extra)
	if t.size <= c.small {
		return t, t.compare(ctx, c.small)
	}
	return t, nil
}

// keep makes a finished file an entry, or, if that fails, a file that is removed with the
// table. It gives the entry if it had to be opened again.
func (c *Cache) keep(ctx context.Context, s *store, name string, columns []table.Column) *Table {
	c.folder.Prune(s.written)
	if runtime.GOOS == "windows" {
		return c.reopen(ctx, s, name, columns)
	}
	temporary := s.kept
	s.kept = ""
	if err := c.folder.Publish(temporary, name); err != nil {
		s.told(err)
		_ = os.Remove(temporary) // on failure it is removed as abandoned
	}
	return nil
}

// reopen is keep where open files are neither renamed nor removed.
func (c *Cache) reopen(ctx context.Context, s *store, name string, columns []table.Column) *Table {
	temporary := s.kept
	err := s.at.Close()
	if err == nil {
		err = c.folder.Publish(temporary, name)
	}
	if err == nil {
		s.kept = ""
		return c.find(ctx, name, columns)
	}
	s.told(err)
	if f, err := os.OpenFile(temporary, os.O_RDWR, 0); err == nil {
		s.at, s.kept = disk{f, c.fault, temporary}, ""
	}
	return nil
}

// find opens an entry and compares all of it; nil if there is none that is whole.
func (c *Cache) find(ctx context.Context, name string, columns []table.Column) *Table {
	f, info, ok := c.folder.Open(name)
	if !ok {
		return nil
	}
	foot, s, x, err := load(f, info.Size(), name, recordSize(columns))
	if err == nil {
		t := newTable(disk{f, nil, ""}, name, columns, foot, s, x)
		if t.compare(ctx, c.small) == nil {
			return t
		}
	}
	_ = f.Close() // it was only read
	return nil
}

// bytesOf are texts as JSON keeps them.
func bytesOf(texts []string) [][]byte {
	var b [][]byte
	for _, t := range texts {
		b = append(b, []byte(t))
	}
	return b
}

func textsOf(b [][]byte) []string {
	var texts []string
	for _, t := range b {
		texts = append(texts, string(t))
	}
	return texts
}
