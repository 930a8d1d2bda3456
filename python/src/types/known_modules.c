/* Which types of which modules are in the closed set: the table. */
#include "known_types.h"

static const rp_type_entry numpy_types[] = {
    {"ndarray", rp_put_array, true},
    {"str_", rp_put_scalar_text, false},
    {"bytes_", rp_put_scalar_text, false},
    {"void", rp_put_scalar, true},
    {"bool_", rp_put_scalar, false},
    {"byte", rp_put_scalar, false},
    {"ubyte", rp_put_scalar, false},
    {"short", rp_put_scalar, false},
    {"ushort", rp_put_scalar, false},
    {"intc", rp_put_scalar, false},
    {"uintc", rp_put_scalar, false},
    {"int64", rp_put_scalar, false},
    {"uint64", rp_put_scalar, false},
    {"longlong", rp_put_scalar, false},
    {"ulonglong", rp_put_scalar, false},
    {"half", rp_put_scalar, false},
    {"single", rp_put_scalar, false},
    {"double", rp_put_scalar, false},
    {"longdouble", rp_put_scalar, false},
    {"csingle", rp_put_scalar, false},
    {"cdouble", rp_put_scalar, false},
    {"clongdouble", rp_put_scalar, false},
    {"datetime64", rp_put_scalar, false},
    {"timedelta64", rp_put_scalar, false},
    {"dtype", rp_put_dtype_value, false},
    {"memmap", rp_put_memmap, true},
    {NULL, NULL, false},
};
static const rp_module_types numpy = {"numpy", numpy_types};

static const rp_type_entry masked_types[] = {{"MaskedArray", rp_put_masked, true},
                                             {"MaskedConstant", rp_put_masked_constant, false},
                                             {NULL, NULL, false}};
static const rp_module_types masked = {"numpy.ma.core", masked_types};

static const rp_type_entry numpy_random_types[] = {
    {"SeedSequence", rp_put_seed_sequence, true},
    {"PCG64", rp_put_bit_generator, true},
    {"PCG64DXSM", rp_put_bit_generator, true},
    {"MT19937", rp_put_bit_generator, true},
    {"Philox", rp_put_bit_generator, true},
    {"SFC64", rp_put_bit_generator, true},
    {"Generator", rp_put_generator, true},
    {"RandomState", rp_put_random_state, true},
    {NULL, NULL, false},
};
static const rp_module_types numpy_random = {"numpy.random", numpy_random_types};

static const rp_type_entry random_types[] = {{"Random", rp_put_random, true}, {NULL, NULL, false}};
static const rp_module_types python_random = {"random", random_types};

static const rp_type_entry datetime_types[] = {
    {"date", rp_put_date, false},        {"time", rp_put_time, true},
    {"datetime", rp_put_datetime, true}, {"timedelta", rp_put_timedelta, false},
    {"timezone", rp_put_timezone, true}, {NULL, NULL, false},
};
static const rp_module_types datetime = {"datetime", datetime_types};

static const rp_type_entry zoneinfo_types[] = {{"ZoneInfo", rp_put_zone, true},
                                               {NULL, NULL, false}};
static const rp_module_types zoneinfo = {"zoneinfo", zoneinfo_types};

static const rp_type_entry decimal_types[] = {{"Decimal", rp_put_decimal, false},
                                              {NULL, NULL, false}};
static const rp_module_types decimal = {"decimal", decimal_types};

static const rp_type_entry fractions_types[] = {{"Fraction", rp_put_fraction, false},
                                                {NULL, NULL, false}};
static const rp_module_types fractions = {"fractions", fractions_types};

static const rp_type_entry uuid_types[] = {{"UUID", rp_put_uuid, false}, {NULL, NULL, false}};
static const rp_module_types uuid = {"uuid", uuid_types};

static const rp_type_entry pathlib_types[] = {
    {"PosixPath", rp_put_path, false},
    {"PurePosixPath", rp_put_path, false},
    {"PureWindowsPath", rp_put_path, false},
    {NULL, NULL, false},
};
static const rp_module_types pathlib = {"pathlib", pathlib_types};

static const rp_type_entry array_types[] = {{"array", rp_put_array_array, true},
                                            {NULL, NULL, false}};
static const rp_module_types array = {"array", array_types};

static const rp_type_entry collections_types[] = {
    {"deque", rp_put_deque, true},
    {"OrderedDict", rp_put_ordered_dict, true},
    {"Counter", rp_put_counter, true},
    {"defaultdict", rp_put_default_dict, true},
    {NULL, NULL, false},
};
static const rp_module_types collections = {"collections", collections_types};

static const rp_type_entry torch_types[] = {{"Tensor", rp_put_tensor, true}, {NULL, NULL, false}};
static const rp_module_types torch = {"torch", torch_types};

static const rp_type_entry torch_parameter_types[] = {{"Parameter", rp_put_tensor, true},
                                                      {NULL, NULL, false}};
static const rp_module_types torch_parameter = {"torch.nn.parameter", torch_parameter_types};

static const rp_type_entry functools_types[] = {
    {"cached_property", rp_put_cached_property, true},
    {"_lru_cache_wrapper", rp_put_cached_function, true},
    {NULL, NULL, false}};
static const rp_module_types functools = {"functools", functools_types};

const rp_module_types *const rp_known_modules[] = {
    &numpy,    &masked,          &numpy_random, &python_random, &collections, &datetime,
    &zoneinfo, &decimal,         &fractions,    &uuid,          &pathlib,     &array,
    &torch,    &torch_parameter, &functools,    NULL,
};
