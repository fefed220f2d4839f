package flowrun

import (
	"encoding/json"
	"fmt"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/diag"
)

// trainedOn says which batches a run has: what a checkpoint keeps of its data.
type trainedOn struct {
	Source      string `json:"source"`
	Fingerprint string `json:"fingerprint"` // of the examples and their order in the files
	Examples    int64  `json:"examples"`
	Batch       int64  `json:"batch"`
	DropLast    bool   `json:"drop_last"`
	Shuffle     bool   `json:"shuffle"`
	Seed        int64  `json:"seed"`
}

// trainedOn describes the batches with a seed.
func (d *dataset) trainedOn(seed int64) trainedOn {
	return trainedOn{d.name, d.Fingerprint(), d.Examples(), d.decl.Batch, d.decl.DropLast, d.decl.Shuffle, seed}
}

// describe is trainedOn as a text; "" for no data of files.
func (d *dataset) describe(seed int64) string {
	if d == nil {
		return ""
	}
	text, err := json.Marshal(d.trainedOn(seed))
	if err != nil {
		panic(err) // strings and numbers
	}
	return string(text)
}

// sameAs compares the data with what a checkpoint was trained on. Resumed on other data
// or with batches of another size, the run would be neither the old one nor a new one.
func (d *dataset) sameAs(from *checkpoint.Resumed, seed int64, allowed bool) error {
	if d == nil || from == nil || from.Data == "" || allowed {
		return nil
	}
	var before trainedOn
	if err := json.Unmarshal([]byte(from.Data), &before); err != nil {
		return fmt.Errorf("resume: %s: what it says of its data can't be read: %w", from.Path, err)
	}
	var changes []string
	differ := func(what string, was, is any) {
		if was != is {
			changes = append(changes, fmt.Sprintf("%s %v and is %v now", what, was, is))
		}
	}
	now := d.trainedOn(seed)
	differ("the data source was", before.Source, now.Source)
	differ("its number of examples was", before.Examples, now.Examples)
	differ("its batch was", before.Batch, now.Batch)
	differ("its drop_last was", before.DropLast, now.DropLast)
	differ("its shuffle was", before.Shuffle, now.Shuffle)
	differ("the seed was", before.Seed, now.Seed)
	if changes == nil && before.Fingerprint != now.Fingerprint {
		changes = append(changes, "the content of its files, or what the spec makes of it, is another")
	}
	if changes == nil {
		return nil
	}
	return fmt.Errorf("resume: the data has changed since %s was written: %s; change it back, or go on all the same with --allow-changed-data",
		from.Path, diag.Few(changes))
}
