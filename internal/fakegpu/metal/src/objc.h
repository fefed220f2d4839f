// Objective-C without Apple: the functions of GNU's runtime that are used here, and the
// root class with its rules.
//
// GNU's runtime (libobjc.so.4) has classes, selectors and method lookup. Apple's retain
// counts, autorelease pools and objc_msgSend are in object.mm, pool.mm and send.mm. They
// terminate the process when a rule is broken: the object's class must implement the
// message; a deallocated object accepts no messages; nothing is released more often than
// it was retained; and autoreleased objects need a pool.

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

// The class of an object, or the metaclass of a class: its first word.
static inline Class classOf(id object) { return *(Class *)object; }

// Exported to clients of the library; everything else is hidden.
#define EXPORT extern "C" __attribute__((visibility("default")))

// A BOOL as returned by machine code: only the lowest byte counts, and here the others
// are never 0.
typedef NSUInteger Flag;
static inline Flag flag(bool yes) { return 0x5a5a5a5a5a5a5a00 | Flag(yes); }

// Messages come from several threads; the fake serializes them.
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

// Terminates the process: the program has broken a rule.
[[noreturn]] void wrong(const std::string &where, const std::string &what);
// The name of a message: "-[MTLBuffer contents]".
std::string messageName(id self, SEL op);
// In a method: the rule that its caller has broken.
#define WRONG(what) wrong(messageName(self, _cmd), what)

// A new object with one reference, as returned by `alloc`.
id create(Class);
// The imitated macOS, and the one that introduced a selector.
long macos();
long macosOf(const char *selector);
// Whether an object is alive.
bool alive(id);
// Marks an object as also owned by the system: its last reference isn't the client's.
void owned(id);
// Checks that an argument is a live object of a class. It may be nil if `none` is true.
id expect(id self, SEL op, id argument, const char *className, bool none = false);
#define EXPECT(argument, className) expect(self, _cmd, argument, className)
// The number of live objects of a class.
size_t count(const char *className);
// Adds an object to the thread's autorelease pool.
void autoreleased(id);

extern "C" {
// The method for a message; terminates the process if there is none. structure (0 or 1)
// says whether a struct is returned in memory; -1 skips the check.
IMP fake_lookup(id self, SEL op, int structure);
// The method of nil: returns 0 of whatever type.
id fake_nothing(id, SEL, ...);
}
