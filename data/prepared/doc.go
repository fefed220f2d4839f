// Package prepared keeps tables that are costly to make on disk, and reads files that may
// be changed by others meanwhile.
//
// A [Snapshot] is a file as it was when it was opened. Opening reads it once, and keeps
// its content hash and a CRC-32C of each page of 4 KiB; reading compares the pages that it
// reads. So a file that is overwritten or cut while in use gives the old values or an
// error, never a mixture. That is why it is read and not mapped into memory: a mapped page
// may change after it was compared, and one that is cut off kills the process.
//
// A [Cache] implements table.Prepare. A table has records of one size, example by example,
// followed by the checksums of its pages, its texts and its notes, and a SHA-256 of those
// and of the key. An entry in which anything differs is made again. It appears in the
// folder whole, by renaming, so any number of processes may share the folder.
//
// Both keep a thousandth of what they read in memory, the checksums.
package prepared
