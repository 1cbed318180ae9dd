// Decodes wire objects with the vendor's JavaScript client and says what it found, without interpreting it.
//
// node javascript_client.mjs <folder node_modules>: each line of input is {"name": ..., "hex": ...}; each line of
// output {"name": ..., "value": ...} or {"name": ..., "error": ...}.

import { createInterface } from 'node:readline'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const { DdbObj } = await import(pathToFileURL(resolve(join(process.argv[2], 'dolphindb', 'index.js'))))

const ARRAY = 64, SYMBOLS = 145, ANY = 25, BLOB = 32, SYMBOL = 17, STRING = 18, DECIMALS = [37, 38, 39]

const hex = view => Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex')

function scalar (type, value) {
    if (DECIMALS.includes(type))
        return { scale: value.scale, number: value.data === null ? null : String(value.data) }
    if (ArrayBuffer.isView(value))
        return hex(value)
    return value === null || typeof value === 'string' ? value : Object.is(value, -0) ? '-0' : String(value)
}

function cells (type, value) {
    if (type === SYMBOLS)
        return Array.from(value.data, index => value.base[index])
    if (type === ANY)
        return value.map(object)
    if (type === BLOB)
        return value.map(hex)
    if (type === STRING || type === SYMBOL)
        return value
    if (DECIMALS.includes(type))
        return { scale: value.scale, cells: hex(value.data) }
    return value === null ? '' : hex(value)
}

function vector (obj) {
    const { type, rows, value } = obj
    if (type <= ARRAY || type === SYMBOLS)
        return { type: type === SYMBOLS ? SYMBOL : type, rows, cells: cells(type, value) }
    return {
        type,
        rows,
        scale: value.scale ?? 0,
        lengths: value.flatMap(block => Array.from(block.lengths)),
        cells: value.map(block => hex(block.data)).join(''),
    }
}

function object (obj) {
    const { form, type, rows, cols, value } = obj
    switch (form) {
        case 0:
            return { form, type, value: scalar(type, value) }
        case 1: case 2: case 4:
            return { form, ...vector(obj) }
        case 3:
            return { form, type, rows, cols, cells: cells(type, value.data) }
        case 5:
            return { form, type, keys: vector(value[0]), values: vector(value[1]) }
        case 6:
            return { form, rows, name: obj.name, names: value.map(column => column.name), columns: value.map(vector) }
        default:
            throw new Error(`form ${form}`)
    }
}

for await (const line of createInterface({ input: process.stdin })) {
    const { name, hex } = JSON.parse(line)
    try {
        const raw = Buffer.from(hex, 'hex')
        const obj = DdbObj.parse(new Uint8Array(raw), true)
        console.log(JSON.stringify({ name, length: obj.length, value: object(obj) }))
    } catch (error) {
        console.log(JSON.stringify({ name, error: String(error) }))
    }
}
