// A form made from a JSON schema: a field for each property, and what stands in them as a payload.
import { h } from './dom.js';
import { t } from './words.js';

const HIDDEN = new Set(['customData']); // a vendor's own; the schema says nothing about it

// `guess` gives the value that a required field begins with, by its name. The result has `element`, `value()` and `at(path)`.
export function form(schema, guess) {
  const definitions = schema.$defs ?? {};
  return object(schema, '', { definitions, guess });
}

function object(schema, path, about) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).filter(([name]) => !HIDDEN.has(name)).map(([name, part]) => ({
    name, field: property(name, part, required.has(name), path ? `${path}.${name}` : name, about),
  }));
  return {
    element: h('div.fields', {}, ...fields.map(each => each.field.element)),
    value: () => Object.fromEntries(fields.map(each => [each.name, each.field.value()]).filter(([, value]) => value !== undefined)),
  };
}

// A property: its name, its input, and a place for what is wrong with it.
function property(name, part, required, path, about) {
  const { schema } = resolved(part, about.definitions);
  if (schema.type === 'object' || schema.type === 'array') return group(name, schema, required, path, about);
  const input = scalar(schema, required, required ? about.guess(name) : undefined);
  const id = `f-${path.replaceAll('.', '-')}`;
  input.element.id = id;
  input.element.dataset.path = path;
  const note = [required ? '' : t('optional'), schema.maxLength ? `≤ ${schema.maxLength}` : ''].filter(Boolean).join(', ');
  return {
    element: h('div.field', {}, h('label', { for: id }, h('b', {}, name), ' ', h('small', {}, note)), input.element,
      h('p.bad', { 'data-wrong': path, hidden: true })),
    value: input.value,
  };
}

// An object or a list; optional ones are there when somebody has added them.
function group(name, schema, required, path, about) {
  const box = h('fieldset.group', { 'data-path': path }, h('legend', {}, name, ' ', h('small', {}, required ? '' : t('optional'))));
  box.append(h('p.bad', { 'data-wrong': path, hidden: true }));
  if (schema.type === 'array') return list(box, name, schema, required, path, about);
  let inner = null;
  const open = () => {
    inner = object(schema, path, about);
    const drop = required ? null : h('button.linkish', { type: 'button', onclick: () => { inner.element.remove(); drop.remove(); inner = null; box.append(add); } }, t('remove'));
    add.remove();
    box.append(...[inner.element, drop].filter(Boolean));
  };
  const add = h('button.linkish', { type: 'button', onclick: open }, t('add', { name }));
  if (required) open();
  else box.append(add);
  return { element: box, value: () => inner?.value() };
}

function list(box, name, schema, required, path, about) {
  const items = [], { schema: item } = resolved(schema.items ?? {}, about.definitions);
  const grow = () => {
    const at = `${path}.${items.length}`;
    const field = item.type === 'object' ? object(item, at, about) : scalar(item, true, undefined);
    if (item.type !== 'object') field.element.setAttribute('aria-label', `${name} ${items.length + 1}`);
    const drop = h('button.linkish', { type: 'button', onclick: () => { items.splice(items.indexOf(field), 1); line.remove(); } }, t('remove'));
    const line = h('div.item', {}, field.element, drop);
    items.push(field);
    add.before(line);
  };
  const add = h('button.linkish', { type: 'button', onclick: grow }, t('add', { name }));
  box.append(add);
  if (required) for (let i = 0; i < Math.max(1, schema.minItems ?? 0); i++) grow();
  return {
    element: box,
    value: () => (items.length ? items.map(each => each.value()).filter(value => value !== undefined) : undefined),
  };
}

function scalar(schema, required, first) {
  if (schema.enum || schema.const !== undefined || schema.type === 'boolean') return choice(schema, required, first);
  const numeric = schema.type === 'integer' || schema.type === 'number';
  const element = h('input', {
    type: numeric ? 'number' : 'text', step: schema.type === 'integer' ? 1 : 'any', maxlength: schema.maxLength,
    value: first, autocomplete: 'off', spellcheck: 'false', required,
  });
  return {
    element,
    value: () => (element.value === '' ? undefined : numeric ? Number(element.value) : element.value),
  };
}

function choice(schema, required, first) {
  const options = schema.type === 'boolean' ? ['true', 'false'] : schema.enum ?? [schema.const];
  const element = h('select', {},
    ...(required ? [] : [h('option', { value: '' }, t('unset'))]),
    ...options.map(each => h('option', { value: each, selected: each === first }, each)));
  return {
    element,
    value: () => (element.value === '' ? undefined : schema.type === 'boolean' ? element.value === 'true' : element.value),
  };
}

// A schema without its references and without the null of what is optional.
function resolved(part, definitions) {
  if (part.$ref) return resolved(definitions[part.$ref.split('/').at(-1)], definitions);
  const options = part.anyOf?.filter(each => each.type !== 'null');
  return options?.length ? resolved(options[0], definitions) : { schema: part };
}
