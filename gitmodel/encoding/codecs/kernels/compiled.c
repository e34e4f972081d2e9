/* The kernels of __init__.py in C; arrays.py has them in numpy.

   All buffer lengths are checked before anything is written. Loops are plain, so that the compiler
   vectorises them: at -O3 they run at 6 to 50 GB/s, near the speed of memory. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "only little-endian machines are supported; others use arrays.py"
#endif

#define INTERFACE 2     /* as in __init__.py, which ignores a build of another version */
#define MAX_WIDTH 16    /* bytes of an element */
#define MAX_STEP 65535  /* the longest distance in bytes that an entry of `gather` holds */
#define BLOCK 8192      /* bytes of numbers at a time: two such blocks stay in the first cache */

/* Compiled twice where the loader can choose; with AVX2 it is half as fast again. */
#if defined(__x86_64__) && defined(__GLIBC__) && (defined(__clang__) || __GNUC__ >= 8)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* Join planes from index `start` on. */

static void weave_1(const uint8_t *const *planes, size_t start, uint8_t *restrict out, size_t count)
{
    memcpy(out, planes[0] + start, count);
}

static void weave_2(const uint8_t *const *planes, size_t start, uint8_t *restrict out, size_t count)
{
    const uint8_t *restrict a = planes[0] + start, *restrict b = planes[1] + start;
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = a[i];
        out[2 * i + 1] = b[i];
    }
}

static void weave_4(const uint8_t *const *planes, size_t start, uint8_t *restrict out, size_t count)
{
    const uint8_t *restrict a = planes[0] + start, *restrict b = planes[1] + start;
    const uint8_t *restrict c = planes[2] + start, *restrict d = planes[3] + start;
    for (size_t i = 0; i < count; i++) {
        out[4 * i] = a[i];
        out[4 * i + 1] = b[i];
        out[4 * i + 2] = c[i];
        out[4 * i + 3] = d[i];
    }
}

static void weave_8(const uint8_t *const *planes, size_t start, uint8_t *restrict out, size_t count)
{
    const uint8_t *restrict a = planes[0] + start, *restrict b = planes[1] + start;
    const uint8_t *restrict c = planes[2] + start, *restrict d = planes[3] + start;
    const uint8_t *restrict e = planes[4] + start, *restrict f = planes[5] + start;
    const uint8_t *restrict g = planes[6] + start, *restrict h = planes[7] + start;
    for (size_t i = 0; i < count; i++) {
        out[8 * i] = a[i];
        out[8 * i + 1] = b[i];
        out[8 * i + 2] = c[i];
        out[8 * i + 3] = d[i];
        out[8 * i + 4] = e[i];
        out[8 * i + 5] = f[i];
        out[8 * i + 6] = g[i];
        out[8 * i + 7] = h[i];
    }
}

/* split_N and join_N for integers of N bytes. `base` may be NULL; join_N also takes a base as planes,
   `parts`. */

#define NUMBERS(type, size)                                                                        \
    WIDE static void split_##size(const uint8_t *restrict raw, const uint8_t *restrict base,       \
                                  uint8_t *const *planes, size_t count)                            \
    {                                                                                              \
        type numbers[BLOCK / size];                                                                \
        for (size_t start = 0; start < count; start += BLOCK / size) {                             \
            size_t here = count - start < BLOCK / size ? count - start : BLOCK / size;             \
            memcpy(numbers, raw + start * size, here * size);                                      \
            if (base != NULL) {                                                                    \
                const uint8_t *restrict from = base + start * size;                                \
                for (size_t i = 0; i < here; i++) {                                                \
                    type other;                                                                    \
                    memcpy(&other, from + i * size, size);                                         \
                    type step = (type)(numbers[i] - other);                                        \
                    type sign = (type)-(type)(step >> (8 * size - 1)); /* all bits below zero */   \
                    numbers[i] = (type)((type)(step << 1) ^ sign);                                 \
                }                                                                                  \
            }                                                                                      \
            for (size_t plane = 0; plane < size; plane++) {                                        \
                uint8_t *restrict out = planes[plane] + start;                                     \
                for (size_t i = 0; i < here; i++)                                                  \
                    out[i] = (uint8_t)(numbers[i] >> (8 * plane));                                 \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    WIDE static void join_##size(const uint8_t *const *planes, const uint8_t *restrict base,       \
                                 const uint8_t *const *parts, uint8_t *restrict raw, size_t count) \
    {                                                                                              \
        if (base == NULL && parts == NULL) {                                                       \
            weave_##size(planes, 0, raw, count);                                                   \
            return;                                                                                \
        }                                                                                          \
        type numbers[BLOCK / size], others[BLOCK / size];                                          \
        for (size_t start = 0; start < count; start += BLOCK / size) {                             \
            size_t here = count - start < BLOCK / size ? count - start : BLOCK / size;             \
            uint8_t *restrict to = raw + start * size;                                             \
            weave_##size(planes, start, (uint8_t *)numbers, here);                                 \
            if (base != NULL)                                                                      \
                memcpy(others, base + start * size, here * size);                                  \
            else                                                                                   \
                weave_##size(parts, start, (uint8_t *)others, here);                               \
            for (size_t i = 0; i < here; i++) {                                                    \
                type sign = (type)-(type)(numbers[i] & 1);                                         \
                numbers[i] = (type)((type)((type)(numbers[i] >> 1) ^ sign) + others[i]);           \
            }                                                                                      \
            memcpy(to, numbers, here * size);                                                      \
        }                                                                                          \
    }

NUMBERS(uint8_t, 1)
NUMBERS(uint16_t, 2)
NUMBERS(uint32_t, 4)
NUMBERS(uint64_t, 8)

/* join_2 with a base in planes, the usual delta (bf16, fp16). Without blocks it takes a fifth less time;
   for four bytes, blocks are faster. */
WIDE static void join_2_parts(const uint8_t *const *planes, const uint8_t *const *parts,
                              uint8_t *restrict raw, size_t count)
{
    const uint8_t *restrict low = planes[0], *restrict high = planes[1];
    const uint8_t *restrict other_low = parts[0], *restrict other_high = parts[1];
    for (size_t i = 0; i < count; i++) {
        uint16_t step = (uint16_t)(low[i] | high[i] << 8);
        uint16_t other = (uint16_t)(other_low[i] | other_high[i] << 8);
        uint16_t sign = (uint16_t)-(uint16_t)(step & 1);
        uint16_t number = (uint16_t)((uint16_t)((uint16_t)(step >> 1) ^ sign) + other);
        memcpy(raw + 2 * i, &number, 2);
    }
}

/* Elements of other widths. */

static void split_any(const uint8_t *restrict raw, uint8_t *const *planes, size_t width, size_t count)
{
    for (size_t plane = 0; plane < width; plane++) {
        uint8_t *restrict out = planes[plane];
        for (size_t i = 0; i < count; i++)
            out[i] = raw[i * width + plane];
    }
}

static void join_any(const uint8_t *const *planes, uint8_t *restrict raw, size_t width, size_t count)
{
    for (size_t plane = 0; plane < width; plane++) {
        const uint8_t *restrict from = planes[plane];
        for (size_t i = 0; i < count; i++)
            raw[i * width + plane] = from[i];
    }
}

/* The number of non-zero bytes, or any number above `most` if there are more, or if more than half of them
   follow another one directly. The counters are bytes, so that they fit into one vector. */
WIDE static size_t count_apart(const uint8_t *plane, size_t count, size_t most)
{
    size_t found = 0, behind = 0, start = 1;
    if (count == 0)
        return 0;
    found = plane[0] != 0;
    for (; count - start >= 32 * 128 && found <= most; start += 32 * 128) {
        uint8_t ones[32] = {0}, pairs[32] = {0};
        for (size_t row = 0; row < 128; row++)
            for (size_t i = 0; i < 32; i++) {
                const uint8_t *here = plane + start + 32 * row + i;
                ones[i] += here[0] != 0;
                pairs[i] += (here[0] != 0) & (here[-1] != 0);
            }
        for (size_t i = 0; i < 32; i++)
            found += ones[i], behind += pairs[i];
    }
    for (; start < count && found <= most; start++)
        found += plane[start] != 0, behind += plane[start] != 0 && plane[start - 1] != 0;
    return found > most || behind > found / 2 ? most + 1 : found;
}

/* Fill the columns of `gather` and return the number of entries: one for each non-zero byte, and one with
   value 0 for each MAX_STEP between two of them. */
static size_t pick(const uint8_t *plane, size_t count, uint8_t *low, uint8_t *high, uint8_t *values)
{
    size_t found = 0, last = 0;
    for (size_t start = 0; start < count; start += 8) {
        size_t end = count - start < 8 ? count : start + 8;
        uint64_t eight = 1;
        if (end == start + 8)
            memcpy(&eight, plane + start, 8);
        if (eight == 0)
            continue;
        for (size_t i = start; i < end; i++) {
            if (plane[i] == 0)
                continue;
            size_t step = i - last;
            for (last = i; step > MAX_STEP; step -= MAX_STEP, found++)
                low[found] = high[found] = 0xff, values[found] = 0;
            low[found] = (uint8_t)step, high[found] = (uint8_t)(step >> 8);
            values[found++] = plane[i];
        }
    }
    return found;
}

/* Fill a plane from the columns. Returns 0 if an entry is outside or at the position of the previous one. */
static int place(const uint8_t *low, const uint8_t *high, const uint8_t *values, size_t found,
                 uint8_t *restrict plane, size_t count)
{
    size_t at = 0;
    memset(plane, 0, count);
    for (size_t i = 0; i < found; i++) {
        size_t step = low[i] | (size_t)high[i] << 8;
        if (step >= count - at || (step == 0 && i > 0))
            return 0;
        at += step;
        plane[at] = values[i];
    }
    return 1;
}

static int is_lane(Py_ssize_t width)
{
    return width == 1 || width == 2 || width == 4 || width == 8;
}

/* Get the buffer of `base`; if that is None, `buf` is NULL. */
static int take_base(PyObject *object, Py_ssize_t length, Py_ssize_t width, Py_buffer *base)
{
    base->buf = NULL;
    base->obj = NULL;
    if (object == Py_None)
        return 0;
    if (PyObject_GetBuffer(object, base, PyBUF_SIMPLE) < 0)
        return -1;
    if (base->len == length && is_lane(width))
        return 0;
    PyErr_Format(PyExc_ValueError, "a base of %zd bytes for %zd, in lanes of %zd", base->len,
                 length, width);
    PyBuffer_Release(base);
    return -1;
}

static PyObject *split(PyObject *self, PyObject *args)
{
    Py_buffer raw, base;
    Py_ssize_t width;
    PyObject *given, *found = NULL;
    uint8_t *planes[MAX_WIDTH];

    (void)self;
    if (!PyArg_ParseTuple(args, "y*nO:split", &raw, &width, &given))
        return NULL;
    if (take_base(given, raw.len, width, &base) < 0) {
        PyBuffer_Release(&raw);
        return NULL;
    }
    if (width < 1 || width > MAX_WIDTH || raw.len % width != 0) {
        PyErr_Format(PyExc_ValueError, "%zd bytes are not elements of %zd", raw.len, width);
        goto done;
    }
    size_t count = (size_t)(raw.len / width);
    found = PyList_New(width);
    for (Py_ssize_t plane = 0; found != NULL && plane < width; plane++) {
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)count);
        if (bytes == NULL || PyList_SetItem(found, plane, bytes) < 0)
            Py_CLEAR(found);
        else
            planes[plane] = (uint8_t *)PyBytes_AsString(bytes);
    }
    if (found == NULL)
        goto done;
    Py_BEGIN_ALLOW_THREADS
    switch (width) {
    case 1: split_1(raw.buf, base.buf, planes, count); break;
    case 2: split_2(raw.buf, base.buf, planes, count); break;
    case 4: split_4(raw.buf, base.buf, planes, count); break;
    case 8: split_8(raw.buf, base.buf, planes, count); break;
    default: split_any(raw.buf, planes, (size_t)width, count);
    }
    Py_END_ALLOW_THREADS
done:
    PyBuffer_Release(&base);
    PyBuffer_Release(&raw);
    return found;
}

/* Get the buffers of a tuple of planes of `count` bytes; returns their number, or -1 after an error. */
static Py_ssize_t take_planes(PyObject *tuple, Py_ssize_t count, Py_buffer *views,
                              const uint8_t **planes)
{
    Py_ssize_t width = PyTuple_Size(tuple), held = 0;

    for (; held < width; held++) {
        if (PyObject_GetBuffer(PyTuple_GetItem(tuple, held), &views[held], PyBUF_SIMPLE) < 0)
            break;
        planes[held] = views[held].buf;
        if (views[held].len != count) {
            PyErr_Format(PyExc_ValueError, "a plane of %zd bytes for %zd elements",
                         views[held].len, count);
            PyBuffer_Release(&views[held]);
            break;
        }
    }
    if (held == width)
        return held;
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    return -1;
}

static PyObject *join(PyObject *self, PyObject *args)
{
    Py_buffer raw, base = {.obj = NULL, .buf = NULL}, views[2 * MAX_WIDTH];
    const uint8_t *planes[MAX_WIDTH], *others[MAX_WIDTH], *const *parts = NULL;
    Py_ssize_t width, held = 0, more = 0;
    PyObject *sources, *given, *result = NULL;

    (void)self;
    if (!PyArg_ParseTuple(args, "O!w*O:join", &PyTuple_Type, &sources, &raw, &given))
        return NULL;
    width = PyTuple_Size(sources);
    if (width < 1 || width > MAX_WIDTH || raw.len % width != 0) {
        PyErr_Format(PyExc_ValueError, "%zd bytes are not elements of %zd", raw.len, width);
        goto done;
    }
    held = take_planes(sources, raw.len / width, views, planes);
    if (held < 0)
        goto done;
    if (PyTuple_Check(given)) {
        if (PyTuple_Size(given) != width || !is_lane(width)) {
            PyErr_Format(PyExc_ValueError, "a base of %zd planes, in lanes of %zd",
                         PyTuple_Size(given), width);
            goto done;
        }
        more = take_planes(given, raw.len / width, views + held, others);
        if (more < 0)
            goto done;
        parts = others;
    }
    else if (take_base(given, raw.len, width, &base) < 0)
        goto done;
    size_t count = (size_t)(raw.len / width);
    Py_BEGIN_ALLOW_THREADS
    switch (width) {
    case 1: join_1(planes, base.buf, parts, raw.buf, count); break;
    case 2:
        if (parts != NULL)
            join_2_parts(planes, parts, raw.buf, count);
        else
            join_2(planes, base.buf, NULL, raw.buf, count);
        break;
    case 4: join_4(planes, base.buf, parts, raw.buf, count); break;
    case 8: join_8(planes, base.buf, parts, raw.buf, count); break;
    default: join_any(planes, raw.buf, (size_t)width, count);
    }
    Py_END_ALLOW_THREADS
    result = Py_NewRef(Py_None);
done:
    for (; more > 0; more--)
        PyBuffer_Release(&views[held + more - 1]);
    for (; held > 0; held--)
        PyBuffer_Release(&views[held - 1]);
    PyBuffer_Release(&base);
    PyBuffer_Release(&raw);
    return result;
}

static PyObject *gather(PyObject *self, PyObject *args)
{
    Py_buffer plane;
    Py_ssize_t most;
    PyObject *result = NULL;
    uint8_t *columns = NULL;
    size_t found, room;

    (void)self;
    if (!PyArg_ParseTuple(args, "y*n:gather", &plane, &most))
        return NULL;
    if (most < 0) {
        PyErr_Format(PyExc_ValueError, "%zd entries at most", most);
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    found = count_apart(plane.buf, (size_t)plane.len, (size_t)most);
    Py_END_ALLOW_THREADS
    if (found <= (size_t)most) {
        room = found + (size_t)plane.len / MAX_STEP + 1;
        columns = PyMem_Malloc(3 * room);
        if (columns == NULL) {
            PyErr_NoMemory();
            goto done;
        }
        Py_BEGIN_ALLOW_THREADS
        found = pick(plane.buf, (size_t)plane.len, columns, columns + room, columns + 2 * room);
        Py_END_ALLOW_THREADS
    }
    if (found > (size_t)most)
        result = Py_NewRef(Py_None);
    else
        result = Py_BuildValue("(y#y#y#)", columns, (Py_ssize_t)found, columns + room,
                               (Py_ssize_t)found, columns + 2 * room, (Py_ssize_t)found);
done:
    PyMem_Free(columns);
    PyBuffer_Release(&plane);
    return result;
}

static PyObject *scatter(PyObject *self, PyObject *args)
{
    Py_buffer low, high, values, plane;
    PyObject *result = NULL;
    int sound = 0;

    (void)self;
    if (!PyArg_ParseTuple(args, "(y*y*y*)w*:scatter", &low, &high, &values, &plane))
        return NULL;
    if (low.len == values.len && high.len == values.len) {
        Py_BEGIN_ALLOW_THREADS
        sound = place(low.buf, high.buf, values.buf, (size_t)values.len, plane.buf, (size_t)plane.len);
        Py_END_ALLOW_THREADS
    }
    if (sound)
        result = Py_NewRef(Py_None);
    else
        PyErr_SetString(PyExc_ValueError, "entries that do not fit into the plane");
    PyBuffer_Release(&low);
    PyBuffer_Release(&high);
    PyBuffer_Release(&values);
    PyBuffer_Release(&plane);
    return result;
}

static PyObject *allocate(PyObject *self, PyObject *args)
{
    Py_ssize_t size;

    (void)self;
    if (!PyArg_ParseTuple(args, "n:allocate", &size))
        return NULL;
    PyObject *bytes = PyByteArray_FromStringAndSize(NULL, size);
    if (bytes == NULL)
        return NULL;
    PyObject *view = PyMemoryView_FromObject(bytes);
    Py_DECREF(bytes);
    return view;
}

static PyMethodDef methods[] = {
    {"split", split, METH_VARARGS, "split(raw, width, base): see the package."},
    {"join", join, METH_VARARGS, "join(planes, raw, base): see the package."},
    {"gather", gather, METH_VARARGS, "gather(plane, most): see the package."},
    {"scatter", scatter, METH_VARARGS, "scatter(columns, plane): see the package."},
    {"allocate", allocate, METH_VARARGS, "allocate(size): see the package."},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module)
{
    return PyModule_AddIntConstant(module, "INTERFACE", INTERFACE);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, fill},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED}, /* no shared state */
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "compiled",
    .m_doc = "Byte planes and differences in one pass over memory.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit_compiled(void)
{
    return PyModuleDef_Init(&definition);
}
