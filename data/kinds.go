package data

import (
	"slices"

	"github.com/flowrun/flowrun/data/csv"
	"github.com/flowrun/flowrun/data/idx"
	"github.com/flowrun/flowrun/data/images"
	"github.com/flowrun/flowrun/data/jsonl"
	"github.com/flowrun/flowrun/data/npy"
	"github.com/flowrun/flowrun/data/replay"
	"github.com/flowrun/flowrun/data/rows"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/data/text"
)

// Kinds are the kinds of files that a data source reads.
var Kinds = []table.Kind{
	images.Among(csv.Kind),
	images.Among(jsonl.Kind),
	npy.Kind,
	npy.Archives,
	idx.Kind,
	rows.Kind,
	text.Kind,
	images.Kind,
	replay.Kind,
}

// KindOf finds a kind by name; it returns nil if there is none.
func KindOf(name string) *table.Kind {
	if i := slices.IndexFunc(Kinds, func(k table.Kind) bool { return k.Name == name }); i >= 0 {
		return &Kinds[i]
	}
	return nil
}
