// resume for C++11 and later: a handle that closes itself, overloads for the types of the standard
// library, exceptions. On top of resume/resume.h; nothing but this header is needed.
//
//     #include <resume/resume.hpp>
//
//     double simulate(int steps) {
//         int step = 0;
//         std::vector<double> field(1000);
//         std::mt19937_64 random(42);
//         resumable::checkpoint ck;                 // named after the program and the function
//         RESUME_PROTECT(ck, step, field, random);  // names from the variables
//         ck.restore();                             // true: they have their saved values
//         while (step < steps) {
//             relax(field, random);
//             step++;
//             ck.sync();                            // a load and a branch when no save is due
//         }
//         return field[0];                          // the destructor records that it has ended
//     }
//
// What is protected must stay where it is until the checkpoint is gone: declare it before.
//
// Errors: the constructor, protect, restore, save, done and close throw resumable::error. sync does
// not: a disk that is full must not end a computation; it returns the status, and message() tells.
// The destructor of a checkpoint closes it; when an exception is on its way through, it leaves it
// instead, so that the next run goes on from the last save. All other rules are those of resume.h.
#ifndef RESUME_RESUME_HPP
#define RESUME_RESUME_HPP

#if !defined(__cplusplus) || __cplusplus < 201103L
#error "resume/resume.hpp needs C++11 or later; C programs include resume/resume.h"
#endif

#include <resume/resume.h>

#include <array>
#include <complex>
#include <exception>
#include <functional>
#include <list>
#include <locale>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace resumable {

// What a call of the library reported.
class error : public std::runtime_error {
  public:
    error(resume_status status, const std::string &message)
        : std::runtime_error(message.empty() ? resume_status_text(status) : message),
          status_(status) {}
    resume_status status() const noexcept { return status_; }

  private:
    resume_status status_;
};

class fields;

namespace detail {

// An exception may not cross the library, which is C: it waits here until the call has returned.
inline std::exception_ptr &thrown() noexcept {
    static thread_local std::exception_ptr waiting;
    return waiting;
}

// The result of `call`, which is `refused` when it throws.
template <class Call> int guarded(int refused, Call call) noexcept {
    try {
        return call();
    } catch (...) {
        thrown() = std::current_exception();
        return refused;
    }
}

inline void check(resume_status status, const resume *handle) {
    std::exception_ptr waiting;
    std::swap(waiting, thrown());
    if (waiting && status != RESUME_OK) std::rethrow_exception(waiting);
    if (status != RESUME_OK) throw error(status, resume_message(handle));
}

// Numbers, and what they are called by the library.
template <class T> struct is_complex : std::false_type {};
template <class T> struct is_complex<std::complex<T>> : std::is_floating_point<T> {};
template <class T>
struct is_number
    : std::integral_constant<bool, (std::is_arithmetic<T>::value || std::is_enum<T>::value ||
                                    is_complex<T>::value) &&
                                       !std::is_const<T>::value && !std::is_volatile<T>::value> {};

// Arrays of fixed shape: of C and std::array, in any nesting.
template <class T> struct block {
    typedef T element;
    static const std::size_t rank = 0;
    static void fill(std::size_t *) {}
};
template <class T, std::size_t N> struct block<T[N]> {
    typedef typename block<T>::element element;
    static const std::size_t rank = block<T>::rank + 1;
    static void fill(std::size_t *shape) {
        *shape = N;
        block<T>::fill(shape + 1);
    }
};
template <class T, std::size_t N> struct block<std::array<T, N>> : block<T[N]> {
    static_assert(sizeof(std::array<T, N>) == N * sizeof(T), "std::array with padding");
};

// Random engines and distributions: what has a result_type and can be written and read.
template <class T> struct is_random {
    template <class U>
    static auto test(U *u)
        -> decltype(std::declval<std::ostream &>() << *u, std::declval<std::istream &>() >> *u,
                    std::declval<typename U::result_type>(), u->min(), u->max(), std::true_type());
    template <class U> static std::false_type test(...);
    static const bool value = decltype(test<T>(nullptr))::value;
};

template <class T> struct is_described {
    template <class U>
    static auto test(U *u) -> decltype(describe(std::declval<fields &>(), *u), std::true_type());
    template <class U> static std::false_type test(...);
    static const bool value = decltype(test<T>(nullptr))::value;
};

// State as text, in the locale "C".
struct streamed {
    std::function<void(std::ostream &)> save;
    std::function<void(std::istream &)> load;
};

template <class Write> int write_text(resume_writer *writer, Write write) noexcept {
    return guarded(1, [&] {
        std::ostringstream stream;
        stream.imbue(std::locale::classic());
        write(stream);
        const std::string text = stream.str();
        return stream ? static_cast<int>(resume_write(writer, text.data(), text.size())) : 1;
    });
}

template <class Read> int read_text(const void *bytes, std::size_t size, Read read) noexcept {
    return guarded(1, [&] {
        std::istringstream stream(std::string(static_cast<const char *>(bytes), size));
        stream.imbue(std::locale::classic());
        read(stream);
        return stream.fail() ? 1 : 0;
    });
}

inline int save_streamed(void *object, resume_writer *writer) {
    return write_text(writer, static_cast<streamed *>(object)->save);
}
inline int load_streamed(void *object, const void *bytes, std::size_t size) {
    return read_text(bytes, size, static_cast<streamed *>(object)->load);
}

template <class T> int save_random(void *object, resume_writer *writer) {
    return write_text(writer, [=](std::ostream &out) { out << *static_cast<T *>(object); });
}
// Into a copy first: one that is half read is not the program's.
template <class T> int load_random(void *object, const void *bytes, std::size_t size) {
    return read_text(bytes, size, [=](std::istream &in) {
        T loaded(*static_cast<T *>(object));
        if (in >> loaded) *static_cast<T *>(object) = loaded;
    });
}

// Contiguous containers with data, size and resize.
template <class T> void *view_of(void *object, std::size_t *count) {
    T &container = *static_cast<T *>(object);
    *count = container.size();
    return container.empty() ? nullptr : &container[0];
}
template <class T> int resize_to(void *object, std::size_t count) {
    return guarded(1, [=] {
        static_cast<T *>(object)->resize(count);
        return 0;
    });
}

template <class T> void describe_one(resume *handle, void *object);

template <class T> struct never : std::false_type {};

// How a type is protected: one specialisation for each family.
template <class T, class Enable = void> struct protector {
    static_assert(never<T>::value,
                  "resume: no way to save this type. There are: numbers, enums, std::complex, "
                  "arrays and std::array of them, std::vector, std::string, engines and "
                  "distributions of <random>, and what has a function "
                  "describe(resumable::fields &, T &); nothing that is const, no pointers. For "
                  "all else: protect_state, protect_block");
};

template <class T>
struct protector<T, typename std::enable_if<is_number<typename block<T>::element>::value>::type> {
    static resume_status add(resume *handle, const char *name, T &variable) {
        const resume_type type = resume_cxx::type_of<typename block<T>::element>::value;
        std::size_t shape[block<T>::rank + 1];
        block<T>::fill(shape);
        if (block<T>::rank == 0) return resume_protect_value_as(handle, name, &variable, type);
        return resume_protect_shape_as(handle, name, &variable, type, RESUME_ROWS, block<T>::rank,
                                       shape);
    }
};

template <class T> struct protector<T, typename std::enable_if<is_described<T>::value>::type> {
    static resume_status add(resume *handle, const char *name, T &variable) {
        return resume_protect_struct_as(handle, name, &variable, describe_one<T>);
    }
};

template <class T>
struct protector<T, typename std::enable_if<
                        block<T>::rank == 1 && !is_number<typename block<T>::element>::value &&
                        is_described<typename block<T>::element>::value>::type> {
    static resume_status add(resume *handle, const char *name, T &variable) {
        typedef typename block<T>::element element;
        return resume_protect_structs_fixed_as(handle, name, &variable, sizeof(element),
                                               sizeof(T) / sizeof(element), describe_one<element>);
    }
};

template <class T> struct protector<T, typename std::enable_if<is_random<T>::value>::type> {
    static resume_status add(resume *handle, const char *name, T &variable) {
        return resume_protect_state(handle, name, save_random<T>, load_random<T>, &variable);
    }
};

template <class T, class A>
struct protector<std::vector<T, A>, typename std::enable_if<is_number<T>::value>::type> {
    static_assert(!std::is_same<T, bool>::value,
                  "resume: std::vector<bool> has no elements in memory; use std::vector<char>");
    static resume_status add(resume *handle, const char *name, std::vector<T, A> &variable) {
        typedef std::vector<T, A> container;
        return resume_protect_container_as(handle, name, &variable, resume_cxx::type_of<T>::value,
                                           view_of<container>, resize_to<container>);
    }
};

template <class T, class A>
struct protector<std::vector<T, A>, typename std::enable_if<is_described<T>::value>::type> {
    static resume_status add(resume *handle, const char *name, std::vector<T, A> &variable) {
        typedef std::vector<T, A> container;
        return resume_protect_structs_container_as(handle, name, &variable, sizeof(T),
                                                   view_of<container>, resize_to<container>,
                                                   describe_one<T>);
    }
};

template <class Traits, class A> struct protector<std::basic_string<char, Traits, A>> {
    static resume_status add(resume *handle, const char *name,
                             std::basic_string<char, Traits, A> &variable) {
        typedef std::basic_string<char, Traits, A> container;
        return resume_protect_text_as(handle, name, &variable, view_of<container>,
                                      resize_to<container>);
    }
};

// The names in "a, b.c, d", one after the other, as text of C ("=a").
class names {
  public:
    explicit names(const char *list) : rest_(list) {}
    std::string next() {
        const std::size_t end = rest_.find(',');
        std::string name = rest_.substr(0, end);
        rest_.erase(0, end == std::string::npos ? end : end + 1);
        while (!name.empty() && name[0] == ' ')
            name.erase(0, 1);
        while (!name.empty() && name[name.size() - 1] == ' ')
            name.erase(name.size() - 1);
        return "=" + name;
    }

  private:
    std::string rest_;
};

} // namespace detail

// What `describe` names fields on, and what a checkpoint is, too.
class fields {
  public:
    explicit fields(resume *handle) noexcept : handle_(handle) {}

    // Names of the caller's choice. A reference to the variable is kept.
    template <class T> void protect(const std::string &name, T &variable) {
        detail::check(detail::protector<T>::add(handle_, name.c_str(), variable), handle_);
    }
    // The bytes of a variable, as it lies in memory.
    template <class T> void protect_block(const std::string &name, T &variable) {
        static_assert(std::is_trivially_copyable<T>::value && !std::is_pointer<T>::value,
                      "resume: only trivially copyable types without pointers can be a block");
        detail::check(resume_protect_bytes_as(handle_, name.c_str(), &variable, sizeof variable),
                      handle_);
    }
    // Behind RESUME_PROTECT: `list` is "a, b, c".
    template <class... T> void protect_named(const char *list, T &...variables) {
        detail::names names(list);
        const int in_order[] = {(protect(names.next(), variables), 0)...};
        (void)in_order;
    }

    resume *get() const noexcept { return handle_; } // for the functions of resume.h

  protected:
    resume *handle_;
};

namespace detail {
// The library has no way to hear that `describe` failed but an error on the handle.
template <class T> void describe_one(resume *handle, void *object) {
    guarded(0, [=] {
        fields named(handle);
        describe(named, *static_cast<T *>(object));
        return 0;
    });
    if (thrown()) resume_protect_value_as(handle, "", nullptr, RESUME_INT8);
}
} // namespace detail

class checkpoint : public fields {
  public:
#if defined(__clang__) || defined(__GNUC__)
#define RESUMABLE_CALLER_ __builtin_FUNCTION()
#else
#define RESUMABLE_CALLER_ nullptr
#endif
    // Without a name: "PROGRAM.FUNCTION". All members of resume_options are zero by default.
    explicit checkpoint(const char *name = nullptr,
                        const resume_options &options = resume_options(),
                        const char *function = RESUMABLE_CALLER_)
        : fields(nullptr) {
        open(resume_open_function(&handle_, name, function, &options, sizeof options));
    }
    explicit checkpoint(const std::string &name, const resume_options &options = resume_options())
        : checkpoint(name.c_str(), options) {}
    explicit checkpoint(const resume_options &options, const char *function = RESUMABLE_CALLER_)
        : checkpoint(nullptr, options, function) {}
#undef RESUMABLE_CALLER_

    // Any checkpoint file, for reading alone.
    static checkpoint read(const std::string &path) {
        checkpoint opened((nothing()));
        opened.open(resume_read(&opened.handle_, path.c_str()));
        return opened;
    }

    checkpoint(checkpoint &&other) noexcept
        : fields(other.handle_), states_(std::move(other.states_)), exceptions_(other.exceptions_) {
        other.handle_ = nullptr;
    }
    checkpoint &operator=(checkpoint &&other) noexcept {
        std::swap(handle_, other.handle_);
        std::swap(exceptions_, other.exceptions_);
        states_.swap(other.states_);
        return *this;
    }
    checkpoint(const checkpoint &) = delete;
    checkpoint &operator=(const checkpoint &) = delete;

    // Records the end; but not when an exception is on its way.
    ~checkpoint() {
        if (exceptions() > exceptions_)
            resume_leave(handle_);
        else
            resume_close(handle_);
    }

    // State that writes itself to a stream and reads itself from one.
    void protect_state(const std::string &name, std::function<void(std::ostream &)> save,
                       std::function<void(std::istream &)> load) {
        states_.push_back(detail::streamed{std::move(save), std::move(load)});
        const resume_status status = resume_protect_state(
            handle_, name.c_str(), detail::save_streamed, detail::load_streamed, &states_.back());
        if (status != RESUME_OK) states_.pop_back();
        detail::check(status, handle_);
    }
    void unprotect(const std::string &name) {
        detail::check(resume_unprotect_as(handle_, name.c_str()), handle_);
    }

    // True: the variables have their saved values. False: nothing is saved yet.
    bool restore() {
        int restored = 0;
        detail::check(resume_restore(handle_, &restored), handle_);
        return restored != 0;
    }
    resume_status sync() noexcept {
        const resume_status status = resume_sync(handle_);
        if (status != RESUME_OK) detail::thrown() = nullptr;
        return status;
    }
    void save() {
        detail::check(resume_save(handle_), handle_);
    }
    // When nothing is saved in the background any more; throws what resume_wait returns.
    void wait() {
        detail::check(resume_wait(handle_), handle_);
    }
    void done() {
        detail::check(resume_done(handle_), handle_);
    }

    // What the destructor does, for those who want to hear its error. Nothing may be called behind
    // it.
    void close() {
        resume *handle = handle_;
        handle_ = nullptr;
        const resume_status status = resume_close(handle);
        if (status != RESUME_OK) throw error(status, "");
    }
    // Frees without recording an end.
    void leave() noexcept {
        resume_leave(handle_);
        handle_ = nullptr;
    }

    std::string message() const {
        return resume_message(handle_);
    }
    resume_info look() const {
        resume_info info;
        resume_look(handle_, &info);
        return info;
    }
    // Names of the variables with this fate in the last restore.
    std::vector<std::string> report(resume_fate fate) const {
        std::vector<std::string> names;
        while (const char *name = resume_report(handle_, fate, names.size()))
            names.push_back(name);
        return names;
    }

  private:
    struct nothing {};
    explicit checkpoint(nothing) : fields(nullptr) {}

    void open(resume_status status) {
        if (status == RESUME_OK) return;
        const error failure(status, resume_message(handle_));
        leave();
        throw failure;
    }
    static int exceptions() noexcept {
#if defined(__cpp_lib_uncaught_exceptions) || __cplusplus >= 201703L
        return std::uncaught_exceptions();
#else
        return std::uncaught_exception() ? 1 : 0;
#endif
    }

    std::list<detail::streamed> states_; // the library keeps their addresses
    int exceptions_ = exceptions();
};

} // namespace resumable

// RESUME_PROTECT(ck, a, b.c, d): variables under their own names.
#define RESUME_PROTECT(ck, ...) (ck).protect_named(#__VA_ARGS__, __VA_ARGS__)

#endif
