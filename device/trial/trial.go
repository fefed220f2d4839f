// Package trial looks for a driver's devices in a separate process first, so that a driver
// that aborts, crashes, hangs or exits during discovery can't take this process with it.
//
// The separate process runs the program's own file. It recognizes its purpose by its
// arguments, does its work during package initialization, and exits before main. So trials
// work in any program that imports the package, including tests. If the program can't be
// started again (a C library, a plugin, a system without /proc), there is no trial, and
// discovery runs in this process as if the trial had passed.
//
// The result is cached, also on disk, until something changes that it depends on
// ([fingerprint]), and for a day at most. So a program pays for a trial only once, and a
// crashing driver isn't tried at every start.
package trial

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/device/internal/buildcache"
)

// Driver describes a vendor's library to a trial.
type Driver struct {
	// Libraries are opened to look for devices; without any there is no trial.
	Libraries func() []string
	// Reads are other files and libraries that affect the trial. This and the following
	// fields may be nil.
	Reads func() []string
	// Plugins are files that each register a driver with the library.
	Plugins func() []string
	// Only is the environment variable, NAME=VALUE, that makes the library load only the
	// plugin in this file.
	Only func(file string) string

	lock   sync.Mutex
	passed bool
	last   answer // the last result, unless it has passed
}

// Died is the error for a driver that didn't survive the search for its devices.
type Died struct {
	How  string   // "was killed by a signal: SIGABRT (abort)"
	Said []string // the last lines of its standard error
	Of   []string // the plugins that die on their own, if there are several plugins
	Use  string   // the variable that chooses a plugin: "OCL_ICD_VENDORS=FILE"
}

// Error describes what died and how.
func (d *Died) Error() string {
	text := "the driver is not used: in a trial process, listing its devices, it " + d.How
	if len(d.Said) > 0 {
		text += "; its last output: " + strings.Join(d.Said, " / ")
	}
	if len(d.Of) > 0 {
		text += "; caused by these drivers registered with its loader: " + strings.Join(d.Of, ", ") +
			" (" + d.Use + " selects a single one)"
	}
	return text
}

// answer is the result of a trial.
type answer struct {
	Key  string    // of everything it depends on
	At   time.Time // the time of the trial
	Died *Died     // nil: the driver passed
}

// lasting is how long a result is valid.
const lasting = 24 * time.Hour

// holds reports whether a result is still valid.
func (a answer) holds(key string, now time.Time) bool {
	age := now.Sub(a.At)
	return a.Key == key && age >= 0 && age < lasting
}

// Passed returns nil if it is safe to look for the devices of a kind in this process. If
// the driver has died in a trial, the error is *[Died]. A driver is tried unless a valid
// result is cached; retry ignores the cache.
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
			var cached answer
			if text := cache.Load(key); text != nil && json.Unmarshal(text, &cached) == nil {
				d.last = cached
			}
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
		if text, err := json.Marshal(d.last); err == nil {
			cache.Store(key, text)
		}
	} else {
		d.last.At = time.Time{} // the next trial may end differently
	}
	return d.conclude()
}

// culprits are the plugins that die when they are the only one, if there are several.
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

// conclude returns the result as an error. A driver that has passed needs no further trial.
func (d *Driver) conclude() error {
	if d.last.Died != nil {
		return d.last.Died
	}
	d.passed = true
	return nil
}
