/* The macros that name variables for resume.h: _Generic in C, templates in C++.
 *
 * `ck` is a handle; each gives the resume_status of the function of resume.h with _as behind its
 * name, which also says what is restored and which statuses there are. The name of a variable is
 * its text: `sim->step` is "sim.step". Text that is no plain path of names (`a[3]`, `*p`) is
 * RESUME_BAD_NAME: call the function with a name of your own.
 *
 * resume_protect(ck, variable)
 *     A number, or an array of numbers of fixed size with up to 4 dimensions. bool, every char,
 *     integer, float and complex type, and enums. What is const or volatile, a pointer or a struct
 *     does not compile.
 * resume_protect_array(ck, pointer, count)
 *     An array in memory of malloc that may grow. Both are variables; `count` of any integer type.
 * resume_protect_shape(ck, pointer, d0, d1, ..)
 *     A block of numbers behind a pointer, with 1 to 8 fixed dimensions, the last index the
 *     fastest. The address and the dimensions are those of this moment.
 * resume_protect_bytes(ck, pointer, size)
 *     A block of bytes.
 * resume_protect_block(ck, variable)
 *     The bytes of a whole variable, for example of a struct without pointers.
 * resume_protect_string(ck, array)
 *     Text up to its NUL in an array of char.
 * resume_protect_struct(ck, variable, describe)
 * resume_protect_structs(ck, pointer, count, describe)
 *     A struct; an array of structs in memory of malloc that may grow. `describe` names the fields.
 * resume_protect_structs_fixed(ck, array, describe)
 *     An array of structs of fixed size.
 * resume_unprotect(ck, variable) */
#ifndef RESUME_PROTECT_H
#define RESUME_PROTECT_H

#ifndef RESUME_RESUME_H
#error "include <resume/resume.h>"
#endif

#define resume_protect_bytes(ck, pointer, size)                                                    \
    resume_protect_bytes_as((ck), "=" #pointer, (pointer), (size))
#define resume_protect_block(ck, variable)                                                         \
    resume_protect_bytes_as((ck), "=" #variable, &(variable), sizeof(variable))
#define resume_protect_struct(ck, variable, describe)                                              \
    resume_protect_struct_as((ck), "=" #variable, &(variable), (describe))
#define resume_unprotect(ck, variable) resume_unprotect_as((ck), "=" #variable)

/* Names that end with _ are not part of the interface. */
#define RESUME_SIGNED_(type)                                                                       \
    (sizeof(type) == 1   ? RESUME_INT8                                                             \
     : sizeof(type) == 2 ? RESUME_INT16                                                            \
     : sizeof(type) == 4 ? RESUME_INT32                                                            \
                         : RESUME_INT64)
#define RESUME_UNSIGNED_(type)                                                                     \
    (sizeof(type) == 1   ? RESUME_UINT8                                                            \
     : sizeof(type) == 2 ? RESUME_UINT16                                                           \
     : sizeof(type) == 4 ? RESUME_UINT32                                                           \
                         : RESUME_UINT64)

#ifdef __cplusplus

#include <complex>
#include <type_traits>

namespace resume_cxx {

template <class T> struct never : std::false_type {};

template <class T, bool = std::is_enum<T>::value> struct type_of {
    static_assert(
        never<T>::value,
        "resume_protect takes numbers, enums and arrays of them that are not const; for a "
        "pointer there is resume_protect_array or resume_protect_shape, for a struct "
        "resume_protect_struct or resume_protect_block");
};
template <class T>
struct type_of<T, true> : type_of<typename std::underlying_type<T>::type, false> {};

#define RESUME_TYPE_OF_(type, code)                                                                \
    template <> struct type_of<type, false> { static const resume_type value = code; };
RESUME_TYPE_OF_(bool, RESUME_BOOL)
RESUME_TYPE_OF_(char, RESUME_CHAR)
RESUME_TYPE_OF_(signed char, RESUME_INT8)
RESUME_TYPE_OF_(unsigned char, RESUME_UINT8)
RESUME_TYPE_OF_(short, RESUME_SIGNED_(short))
RESUME_TYPE_OF_(unsigned short, RESUME_UNSIGNED_(short))
RESUME_TYPE_OF_(int, RESUME_SIGNED_(int))
RESUME_TYPE_OF_(unsigned, RESUME_UNSIGNED_(unsigned))
RESUME_TYPE_OF_(long, RESUME_SIGNED_(long))
RESUME_TYPE_OF_(unsigned long, RESUME_UNSIGNED_(unsigned long))
RESUME_TYPE_OF_(long long, RESUME_SIGNED_(long long))
RESUME_TYPE_OF_(unsigned long long, RESUME_UNSIGNED_(unsigned long long))
RESUME_TYPE_OF_(float, RESUME_FLOAT32)
RESUME_TYPE_OF_(double, RESUME_FLOAT64)
RESUME_TYPE_OF_(long double, RESUME_LONG_DOUBLE)
RESUME_TYPE_OF_(std::complex<float>, RESUME_COMPLEX64)
RESUME_TYPE_OF_(std::complex<double>, RESUME_COMPLEX128)
RESUME_TYPE_OF_(std::complex<long double>, RESUME_LONG_COMPLEX)
#undef RESUME_TYPE_OF_

template <class Count> struct count_type_of {
    static_assert(std::is_integral<Count>::value && !std::is_same<Count, bool>::value,
                  "the count of an array is a variable of an integer type");
    static const resume_type value = type_of<Count>::value;
};

template <class T> struct shape_of {
    static void fill(std::size_t *) {}
};
template <class T, std::size_t N> struct shape_of<T[N]> {
    static void fill(std::size_t *shape) {
        *shape = N;
        shape_of<T>::fill(shape + 1);
    }
};

template <class T> inline resume_status protect(resume *ck, const char *name, T &variable) {
    const resume_type type = type_of<typename std::remove_all_extents<T>::type>::value;
    std::size_t shape[std::rank<T>::value + 1];
    shape_of<T>::fill(shape);
    if (std::rank<T>::value == 0) return resume_protect_value_as(ck, name, &variable, type);
    return resume_protect_shape_as(ck, name, &variable, type, RESUME_ROWS, std::rank<T>::value,
                                   shape);
}
template <class T, class Count>
inline resume_status protect_array(resume *ck, const char *name, T *&pointer, Count &count) {
    return resume_protect_array_as(ck, name, &pointer, type_of<T>::value, &count,
                                   count_type_of<Count>::value);
}
template <class T, class... Dimension>
inline resume_status protect_shape(resume *ck, const char *name, T *pointer, Dimension... d) {
    const std::size_t shape[] = {static_cast<std::size_t>(d)...};
    return resume_protect_shape_as(ck, name, pointer, type_of<T>::value, RESUME_ROWS, sizeof...(d),
                                   shape);
}
template <std::size_t N>
inline resume_status protect_string(resume *ck, const char *name, char (&text)[N]) {
    return resume_protect_string_as(ck, name, text, N);
}
template <class T, class Count>
inline resume_status protect_structs(resume *ck, const char *name, T *&pointer, Count &count,
                                     resume_describe describe) {
    return resume_protect_structs_as(ck, name, &pointer, sizeof(T), &count,
                                     count_type_of<Count>::value, describe);
}
template <class T, std::size_t N>
inline resume_status protect_structs_fixed(resume *ck, const char *name, T (&array)[N],
                                           resume_describe describe) {
    return resume_protect_structs_fixed_as(ck, name, array, sizeof(T), N, describe);
}

} // namespace resume_cxx

#define resume_protect(ck, variable) ::resume_cxx::protect((ck), "=" #variable, variable)
#define resume_protect_array(ck, pointer, count)                                                   \
    ::resume_cxx::protect_array((ck), "=" #pointer, pointer, count)
#define resume_protect_shape(ck, pointer, ...)                                                     \
    ::resume_cxx::protect_shape((ck), "=" #pointer, pointer, __VA_ARGS__)
#define resume_protect_string(ck, array) ::resume_cxx::protect_string((ck), "=" #array, array)
#define resume_protect_structs(ck, pointer, count, describe)                                       \
    ::resume_cxx::protect_structs((ck), "=" #pointer, pointer, count, describe)
#define resume_protect_structs_fixed(ck, array, describe)                                          \
    ::resume_cxx::protect_structs_fixed((ck), "=" #array, array, describe)

#else /* C */

#define RESUME_EACH_INTEGER_(X)                                                                    \
    X(char, (RESUME_CHAR)), X(signed char, RESUME_INT8), X(unsigned char, RESUME_UINT8),           \
        X(short, RESUME_SIGNED_(short)), X(unsigned short, RESUME_UNSIGNED_(short)),               \
        X(int, RESUME_SIGNED_(int)), X(unsigned, RESUME_UNSIGNED_(unsigned)),                      \
        X(long, RESUME_SIGNED_(long)), X(unsigned long, RESUME_UNSIGNED_(unsigned long)),          \
        X(long long, RESUME_SIGNED_(long long)),                                                   \
        X(unsigned long long, RESUME_UNSIGNED_(unsigned long long))
#define RESUME_EACH_(X)                                                                            \
    RESUME_EACH_INTEGER_(X), X(_Bool, RESUME_BOOL), X(float, RESUME_FLOAT32),                      \
        X(double, RESUME_FLOAT64), X(long double, RESUME_LONG_DOUBLE),                             \
        X(float _Complex, RESUME_COMPLEX64), X(double _Complex, RESUME_COMPLEX128),                \
        X(long double _Complex, RESUME_LONG_COMPLEX)

/* How the type and the dimensions of `T x[a][b][c]` are found: from `T (*)[a][b][c]`, which is
 * &(x), a step goes to `T (*)[b][c]`, the next to `T (*)[c]`. This one is compatible with
 * `T (*)[]`, and the sizes of what is pointed to give the dimensions. From there on steps stay at
 * `T (*)[MANY]`, the mark of an array that has no more dimensions; one that had none begins with
 * `T (*)[NONE]`. No array has as many elements as these. A step from a pointer, a struct or
 * something const arrives at what is no pointer, and does not compile. */
#define RESUME_NONE_                0x7ffffff1
#define RESUME_MANY_                0x7ffffff3
#define RESUME_NUMBER_(type, code)  type * : (type(*)[RESUME_NONE_])0
#define RESUME_LAST_(type, code)    type(*)[] : (type(*)[RESUME_MANY_])0
#define RESUME_CODE_(type, code)    type(*)[] : code
#define RESUME_POINTED_(type, code) type * : code
#define RESUME_TWICE_(type, code)   type ** : code

#define RESUME_FIRST_STEP_(p)                                                                      \
    _Generic((p), RESUME_EACH_(RESUME_NUMBER_), RESUME_EACH_(RESUME_LAST_), default : *(p))
#define RESUME_NUMBERS_AND_FIXED_ARRAYS_OF_NUMBERS_ONLY_(p)                                        \
    _Generic((p), RESUME_EACH_(RESUME_LAST_), default : *(p))
#define RESUME_STEP_1_(x) RESUME_FIRST_STEP_(&(x))
#define RESUME_STEP_2_(x) RESUME_NUMBERS_AND_FIXED_ARRAYS_OF_NUMBERS_ONLY_(RESUME_STEP_1_(x))
#define RESUME_STEP_3_(x) RESUME_NUMBERS_AND_FIXED_ARRAYS_OF_NUMBERS_ONLY_(RESUME_STEP_2_(x))

/* Both are 0; what they do not allow does not compile. */
#if defined(__GNUC__)
#define RESUME_NOTHING_IF_(condition, text)                                                        \
    (0 * sizeof(struct {                                                                           \
         int member;                                                                               \
         _Static_assert(condition, text);                                                          \
     }))
#define RESUME_SCALAR_(type, code) type * : 1
#define RESUME_NO_POINTER_(x)                                                                      \
    RESUME_NOTHING_IF_(                                                                            \
        _Generic(&(x), RESUME_EACH_(RESUME_SCALAR_), default : 0) ||                               \
            !__builtin_types_compatible_p(__typeof__(x), __typeof__((x) + 0)),                     \
        "resume_protect takes no pointer: use resume_protect_array or resume_protect_shape")
#define RESUME_ARRAY_ONLY_(x)                                                                      \
    RESUME_NOTHING_IF_(!__builtin_types_compatible_p(__typeof__(x), __typeof__(&(x)[0])),          \
                       "resume_protect_structs_fixed takes an array, no pointer")
/* A step from an array of pointers to arrays would go on behind the pointer. */
#define RESUME_NO_POINTER_AT_(p)                                                                   \
    RESUME_NOTHING_IF_(!__builtin_types_compatible_p(__typeof__(*(p)), __typeof__(&(*(p))[0])),    \
                       "resume_protect takes no array of pointers")
#define RESUME_NO_POINTERS_IN_(x)                                                                  \
    (RESUME_NO_POINTER_AT_(RESUME_STEP_1_(x)) + RESUME_NO_POINTER_AT_(RESUME_STEP_2_(x)))
#else
#define RESUME_NO_POINTERS_IN_(x) 0
#define RESUME_NO_POINTER_(x)     0
#define RESUME_ARRAY_ONLY_(x)     0
#endif

static inline resume_status resume_protect_sized_(resume *ck, const char *name, void *address,
                                                  resume_type type, size_t element, size_t whole,
                                                  size_t size_1, size_t size_2, size_t size_3) {
    const size_t mark = element * RESUME_MANY_;
    const size_t rank = size_1 == mark ? 1 : size_2 == mark ? 2 : size_3 == mark ? 3 : 4;
    size_t shape[4] = {whole, size_1, size_2, size_3};
    size_t i;
    if (size_1 == element * RESUME_NONE_) return resume_protect_value_as(ck, name, address, type);
    for (i = 0; i < rank; i++)
        shape[i] /= i + 1 < rank ? shape[i + 1] : element;
    return resume_protect_shape_as(ck, name, address, type, RESUME_ROWS, rank, shape);
}

#define resume_protect(ck, variable)                                                               \
    resume_protect_sized_((ck), "=" #variable, &(variable),                                        \
                          _Generic(RESUME_STEP_3_(variable), RESUME_EACH_(RESUME_CODE_)),          \
                          sizeof(**RESUME_STEP_3_(variable)),                                      \
                          sizeof(variable) + RESUME_NO_POINTER_(variable) +                        \
                              RESUME_NO_POINTERS_IN_(variable),                                    \
                          sizeof(*RESUME_STEP_1_(variable)), sizeof(*RESUME_STEP_2_(variable)),    \
                          sizeof(*RESUME_STEP_3_(variable)))

#define RESUME_INTEGER_(count) _Generic(&(count), RESUME_EACH_INTEGER_(RESUME_POINTED_))
#define resume_protect_array(ck, pointer, count)                                                   \
    resume_protect_array_as((ck), "=" #pointer, &(pointer),                                        \
                            _Generic(&(pointer), RESUME_EACH_(RESUME_TWICE_)), &(count),           \
                            RESUME_INTEGER_(count))
/* Up to 8 sizes of any integer type, as size_t. */
#define RESUME_SIZES_1_(a)                            (size_t)(a)
#define RESUME_SIZES_2_(a, ...)                       (size_t)(a), RESUME_SIZES_1_(__VA_ARGS__)
#define RESUME_SIZES_3_(a, ...)                       (size_t)(a), RESUME_SIZES_2_(__VA_ARGS__)
#define RESUME_SIZES_4_(a, ...)                       (size_t)(a), RESUME_SIZES_3_(__VA_ARGS__)
#define RESUME_SIZES_5_(a, ...)                       (size_t)(a), RESUME_SIZES_4_(__VA_ARGS__)
#define RESUME_SIZES_6_(a, ...)                       (size_t)(a), RESUME_SIZES_5_(__VA_ARGS__)
#define RESUME_SIZES_7_(a, ...)                       (size_t)(a), RESUME_SIZES_6_(__VA_ARGS__)
#define RESUME_SIZES_8_(a, ...)                       (size_t)(a), RESUME_SIZES_7_(__VA_ARGS__)
#define RESUME_NINTH_(a, b, c, d, e, f, g, h, i, ...) i
#define RESUME_SIZES_(...)                                                                         \
    RESUME_NINTH_(__VA_ARGS__, RESUME_SIZES_8_, RESUME_SIZES_7_, RESUME_SIZES_6_, RESUME_SIZES_5_, \
                  RESUME_SIZES_4_, RESUME_SIZES_3_, RESUME_SIZES_2_, RESUME_SIZES_1_, 0)           \
    (__VA_ARGS__)
#define resume_protect_shape(ck, pointer, ...)                                                     \
    resume_protect_shape_as((ck), "=" #pointer, (pointer),                                         \
                            _Generic((pointer), RESUME_EACH_(RESUME_POINTED_)), RESUME_ROWS,       \
                            sizeof((const size_t[]){RESUME_SIZES_(__VA_ARGS__)}) / sizeof(size_t), \
                            (const size_t[]){RESUME_SIZES_(__VA_ARGS__)})
#define resume_protect_string(ck, array)                                                           \
    resume_protect_string_as((ck), "=" #array,                                                     \
                             _Generic(&(array), char(*)[]                                          \
                                      : (array)),                                                  \
                             sizeof(array))
#define resume_protect_structs(ck, pointer, count, describe)                                       \
    resume_protect_structs_as((ck), "=" #pointer, &(pointer), sizeof *(pointer), &(count),         \
                              RESUME_INTEGER_(count), (describe))
#define resume_protect_structs_fixed(ck, array, describe)                                          \
    resume_protect_structs_fixed_as((ck), "=" #array, (array), sizeof *(array),                    \
                                    sizeof(array) / sizeof *(array) + RESUME_ARRAY_ONLY_(array),   \
                                    (describe))
#endif
#endif
