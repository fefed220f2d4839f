package trial

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/device/internal/buildcache"
)

// Driver is what a trial has to know of a vendor's library.
type Driver struct {
	// Libraries are opened to look for devices; if there are none, there is nothing
	// to try.
	Libraries func() []string
	// Reads are other files and libraries that decide how the trial goes. It may be
	// nil, as may be what follows.
	Reads func() []string
	// Plugins are files that each register a driver with the library.
	Plugins func() []string
	// Only is the variable of the environment, NAME=VALUE, that makes the library
	// load one plugin alone, by its file.
	Only func(file string) string

	lock   sync.Mutex
	passed bool
	last   answer // what is known of it, unless it has passed
}

// Died says that a driver didn't survive being asked for its devices.
type Died struct {
	How  string   // "was ended by a signal: SIGABRT (abort)"
	Said []string // the last lines that it wrote to its standard error
	Of   []string // which of several plugins die alone too
	Use  string   // the variable that chooses a plugin: "OCL_ICD_VENDORS=FILE"
}

// Error says what died and how.
func (d *Died) Error() string {
	text := "the driver isn't used: asked for its devices in a process of its own, it " + d.How
	if len(d.Said) > 0 {
		text += "; its last words: " + strings.Join(d.Said, " / ")
	}
	if len(d.Of) > 0 {
		text += "; of the drivers that are registered with its loader, it is " + strings.Join(d.Of, " and ") +
			" (" + d.Use + " uses another one alone)"
	}
	return text
}

// answer is what came of a trial.
type answer struct {
	Key  string    // of all that it depends on
	At   time.Time // when it was
	Died *Died     // nil: it went well
}

// lasting is for how long an answer is believed.
const lasting = 24 * time.Hour

// holds reports whether an answer is still good.
func (a answer) holds(key string, now time.Time) bool {
	age := now.Sub(a.At)
	return a.Key == key && age >= 0 && age < lasting
}

// Passed is nil if the devices of a kind may be looked for in this process. Else the
// driver has died of it elsewhere, and the error is *[Died]. A driver is tried unless
// what came of it is remembered; with retry it is tried all the same.
func (d *Driver) Passed(kind string, retry bool) error {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.passed || len(d.Libraries()) == 0 {
		return nil
	}
	files := d.Libraries()
	if d.Reads != nil {
		files = append(slices.Clone(files), d.Reads()...)
	}
	key := buildcache.Key(fingerprint(kind, files)...)
	cache := buildcache.New("devices")
	if !retry {
		if !d.last.holds(key, time.Now()) {
			d.last = recall(cache, key)
		}
		if d.last.holds(key, time.Now()) {
			return d.conclude()
		}
	}
	died, certain := try(kind, timeout())
	if died != nil && certain {
		if died.Of = d.culprits(kind); len(died.Of) > 0 {
			died.Use = d.Only("FILE")
		}
	}
	d.last = answer{Key: key, At: time.Now(), Died: died}
	if certain {
		remember(cache, d.last)
	} else {
		d.last.At = time.Time{} // it may go otherwise the next time
	}
	return d.conclude()
}

// culprits are those of several plugins that die when they are the only one.
func (d *Driver) culprits(kind string) (culprits []string) {
	const most = 8
	if d.Plugins == nil {
		return nil
	}
	files := d.Plugins()
	if len(files) < 2 || len(files) > most {
		return nil
	}
	for _, file := range files {
		if died, _ := try(kind, timeout()/4, d.Only(file)); died != nil {
			culprits = append(culprits, file)
		}
	}
	return culprits
}

// conclude makes an error of what is known. A driver that has passed is about to be
// asked in this process: there is nothing left to try.
func (d *Driver) conclude() error {
	if d.last.Died != nil {
		return d.last.Died
	}
	d.passed = true
	return nil
}

// recall gives what is remembered under a key; the zero answer, which never holds, if
// that is nothing.
func recall(cache buildcache.Cache, key string) (a answer) {
	if text := cache.Load(key); text != nil && json.Unmarshal(text, &a) != nil {
		return answer{}
	}
	return a
}

func remember(cache buildcache.Cache, a answer) {
	if text, err := json.Marshal(a); err == nil {
		cache.Store(a.Key, text)
	}
}
