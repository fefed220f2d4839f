// Objective-C without Apple: the functions of GNU's runtime that are used here, and
// the root class with its rules.
//
// GNU's runtime (libobjc.so.4) has classes, selectors and the lookup of methods. What
// it hasn't is Apple's: retain counts, autorelease pools and objc_msgSend, which are
// in object.mm, pool.mm and send.mm, with these rules, each of which ends the
// process by name when it is broken: a message must be one that the object's class
// has; an object that has been deallocated takes none; nothing is released more often
// than it was retained; and what is autoreleased needs a pool.

#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

typedef unsigned long NSUInteger;
typedef long NSInteger;
typedef struct objc_method *Method;
#define nil nullptr
typedef id (*IMP)(id, SEL, ...);

extern "C" {
Class objc_getClass(const char *name);
int objc_getClassList(Class *classes, int most);
const char *class_getName(Class);
id class_createInstance(Class, size_t extra);
Method class_getInstanceMethod(Class, SEL);
IMP method_getImplementation(Method);
const char *method_getTypeEncoding(Method);
const char *sel_getName(SEL);
SEL sel_registerName(const char *name);
}

// The class of an object, or the metaclass of a class: what lies first in it.
static inline Class classOf(id object) { return *(Class *)object; }

// What clients of the library find in it; all else is hidden.
#define EXPORT extern "C" __attribute__((visibility("default")))

// A BOOL as machine code gives it: only the lowest byte means something, and here the
// others never are 0.
typedef NSUInteger Flag;
static inline Flag flag(bool yes) { return 0x5a5a5a5a5a5a5a00 | Flag(yes); }

// The messages come from several threads; the fake does one thing at a time.
extern std::recursive_mutex lock;
struct Locked {
    std::lock_guard<std::recursive_mutex> guard{lock};
};

__attribute__((objc_root_class))
@interface NSObject {
  @public
    Class isa;
}
+ (id)alloc;
+ (id)new;
- (id)init;
- (id)retain;
- (void)release;
- (id)autorelease;
- (NSUInteger)retainCount;
- (Flag)respondsToSelector:(SEL)selector;
- (void)dealloc;
@end

// Ends the process: the program has done what it never may.
[[noreturn]] void wrong(const std::string &where, const std::string &what);
// A message as it is written: "-[MTLBuffer contents]".
std::string messageName(id self, SEL op);
// In a method: the rule that its caller has broken.
#define WRONG(what) wrong(messageName(self, _cmd), what)

// A new object with one reference, as `alloc` gives it.
id create(Class);
// The macOS that is faked, and the one that brought a selector's methods.
long macos();
long macosOf(const char *selector);
// Whether an object is alive.
bool alive(id);
// Makes an object one that the system owns as well: its last reference isn't the
// client's.
void owned(id);
// Checks that an argument is a live object of a class. It may be nil where `none` says.
id expect(id self, SEL op, id argument, const char *className, bool none = false);
#define EXPECT(argument, className) expect(self, _cmd, argument, className)
// How many objects of a class are alive.
size_t count(const char *className);
// Puts an object into the thread's autorelease pool.
void autoreleased(id);

extern "C" {
// The method that a message calls; ends the process if there is none. Whether a
// structure is returned in memory is asked with 0 or 1, or not at all with -1.
IMP fake_lookup(id self, SEL op, int structure);
// The method of nil: 0, of whatever type.
id fake_nothing(id, SEL, ...);
}
