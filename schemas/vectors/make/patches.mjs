/** patches.json: diffs that apply, and diffs that must be refused. Expectations are written by hand, not computed. */
export function makePatches() {
  const document = { a: 1, n: null, list: [1, 2, 3], deep: { x: { y: true } }, '': 'empty', 'a/b': 1, 'm~n': 2 };
  const applies = (name, ops, change) => {
    const result = structuredClone(document);
    change(result);
    return { name, document, ops, result };
  };
  const refused = (name, ops) => ({ name, document, ops });
  return {
    about: 'RFC 6902 with add, remove and replace only. A refused diff changes nothing: HW_PATCH_INVALID.',
    accepted: [
      applies('no operation', [], () => {}),
      applies('replace', [{ op: 'replace', path: '/a', value: 2 }], (d) => (d.a = 2)),
      applies('replace by null, which is not removal', [{ op: 'replace', path: '/a', value: null }], (d) => (d.a = null)),
      applies('remove a null', [{ op: 'remove', path: '/n' }], (d) => delete d.n),
      applies('add', [{ op: 'add', path: '/deep/x/z', value: [] }], (d) => (d.deep.x.z = [])),
      applies('add where something is: it replaces', [{ op: 'add', path: '/a', value: 9 }], (d) => (d.a = 9)),
      applies('insert into a list', [{ op: 'add', path: '/list/1', value: 9 }], (d) => d.list.splice(1, 0, 9)),
      applies('insert at the end by index', [{ op: 'add', path: '/list/3', value: 4 }], (d) => d.list.push(4)),
      applies('insert at the end by "-"', [{ op: 'add', path: '/list/-', value: 4 }], (d) => d.list.push(4)),
      applies('remove from a list', [{ op: 'remove', path: '/list/0' }], (d) => d.list.shift()),
      applies('operations apply in order', [
        { op: 'remove', path: '/list/0' },
        { op: 'replace', path: '/list/0', value: 'was 2' },
      ], (d) => (d.list = ['was 2', 3])),
      applies('an added object is changed by the next operation', [
        { op: 'add', path: '/new', value: {} },
        { op: 'add', path: '/new/x', value: 1 },
      ], (d) => (d.new = { x: 1 })),
      applies('the empty key', [{ op: 'replace', path: '/', value: 'x' }], (d) => (d[''] = 'x')),
      applies('escaped keys', [
        { op: 'replace', path: '/a~1b', value: 'x' },
        { op: 'remove', path: '/m~0n' },
      ], (d) => {
        d['a/b'] = 'x';
        delete d['m~n'];
      }),
      applies('a key that objects inherit', [{ op: 'add', path: '/toString', value: 1 }], (d) => (d.toString = 1)),
      { name: 'the whole document', document, ops: [{ op: 'replace', path: '', value: { b: 1 } }], result: { b: 1 } },
    ],
    refused: [
      refused('a prototype key', [{ op: 'add', path: '/__proto__', value: {} }]),
      refused('a prototype key on the way', [{ op: 'add', path: '/deep/__proto__/polluted', value: true }]),
      refused('constructor and prototype', [{ op: 'add', path: '/constructor/prototype/polluted', value: true }]),
      refused('a prototype key of a list', [{ op: 'add', path: '/list/__proto__', value: 1 }]),
      refused('an index of 2^31', [{ op: 'add', path: '/list/2147483648', value: 1 }]),
      refused('an index behind the end', [{ op: 'add', path: '/list/4', value: 1 }]),
      refused('replace at the end', [{ op: 'replace', path: '/list/3', value: 1 }]),
      refused('replace "-"', [{ op: 'replace', path: '/list/-', value: 1 }]),
      refused('an index with a leading zero', [{ op: 'replace', path: '/list/01', value: 1 }]),
      refused('the length of a list', [{ op: 'replace', path: '/list/length', value: 0 }]),
      refused('remove what is not there', [{ op: 'remove', path: '/b' }]),
      refused('replace what is not there', [{ op: 'replace', path: '/b', value: 1 }]),
      refused('add below what is not there', [{ op: 'add', path: '/b/c', value: 1 }]),
      refused('a path through a number', [{ op: 'add', path: '/a/b', value: 1 }]),
      refused('remove the document', [{ op: 'remove', path: '' }]),
      refused('a path without slash', [{ op: 'add', path: 'a', value: 1 }]),
      refused('a broken escape', [{ op: 'add', path: '/~2', value: 1 }]),
      refused('no value', [{ op: 'add', path: '/b' }]),
      refused('no path', [{ op: 'add', value: 1 }]),
      refused('move', [{ op: 'move', from: '/a', path: '/b' }]),
      refused('copy', [{ op: 'copy', from: '/a', path: '/b' }]),
      refused('test', [{ op: 'test', path: '/a', value: 1 }]),
      refused('a second operation that fails', [
        { op: 'replace', path: '/a', value: 2 },
        { op: 'remove', path: '/b' },
      ]),
      refused('deeper than a document may be', [{ op: 'add', path: '/deep', value: nested(64) }]),
      refused('deeper step by step', Array.from({ length: 64 }, (_, i) => ({ op: 'add', path: '/d'.repeat(i + 1), value: {} }))),
    ],
  };
}

const nested = (levels) => (levels === 0 ? 1 : { d: nested(levels - 1) });
